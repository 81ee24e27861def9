"""Styles of this page alone; neutral colours are the look's, so that light and dark are both legible."""

CSS = """
:root { --so-violet: #6a3d9a; --so-green: #2b6b34;
  --lc-red: #fbe3e7; --lc-blue: #dcecf8; --lc-amber: #fdebd0; --lc-violet: #ece2f6; --lc-green: #dff0e1;
  --lc-grey: #e4ebee; --lc-for: 11, 102, 112; --lc-against: 171, 36, 64; }
:root.dark, .dark { --so-violet: #c4a3ec; --so-green: #86cf90;
  --lc-red: #4a1f2a; --lc-blue: #193a52; --lc-amber: #47310f; --lc-violet: #382653; --lc-green: #1b3f22;
  --lc-grey: #2c3b46; --lc-for: 99, 199, 207; --lc-against: 240, 117, 140; }
.lc-note { white-space: pre-wrap; overflow-wrap: anywhere; max-height: min(62vh, 620px); overflow-y: auto;
  position: relative; margin-top: 12px; padding: 14px 16px; border: 1px solid var(--so-line); border-radius: 8px;
  background: var(--so-card); color: var(--so-ink); font-size: 15px; line-height: 1.75; }
.lc-note:focus-visible { outline: 3px solid var(--so-accent); outline-offset: 2px; }
.lc-note mark { color: var(--so-ink); border-bottom: 2px solid; border-radius: 3px 3px 0 0; padding: 1px 0;
  -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.lc-note mark.heard { font-weight: 680; border-bottom-width: 3px; }
.so-notice + .so-card { margin-top: 12px; }
.lc-unread, .lc-unread mark { color: var(--so-soft); }
.lc-unread { text-decoration: line-through; text-decoration-color: var(--so-line); }
.so ul.lc-key { display: flex; flex-wrap: wrap; gap: 6px 14px; margin: 10px 0 0; padding: 0; list-style: none;
  font-size: 13px; }
.so .lc-key li { display: flex; align-items: center; gap: 6px; margin: 0; color: var(--so-ink); }
.lc-key mark { display: inline-block; width: 22px; height: 14px; border-bottom: 2px solid; border-radius: 3px; }
mark.red { background: var(--lc-red); border-color: var(--so-red) !important; }
mark.blue { background: var(--lc-blue); border-color: var(--so-blue) !important; }
mark.amber { background: var(--lc-amber); border-color: var(--so-amber) !important; }
mark.violet { background: var(--lc-violet); border-color: var(--so-violet) !important; }
mark.green { background: var(--lc-green); border-color: var(--so-green) !important; }
mark.grey { background: var(--lc-grey); border-color: var(--so-grey) !important; }
mark.for-1 { background: rgba(var(--lc-for), .12); } mark.for-2 { background: rgba(var(--lc-for), .22); }
mark.for-3 { background: rgba(var(--lc-for), .32); } mark.for-4 { background: rgba(var(--lc-for), .42); }
mark[class^=for] { border-color: rgb(var(--lc-for)) !important; }
mark.against-1 { background: rgba(var(--lc-against), .10); }
mark.against-2 { background: rgba(var(--lc-against), .18); }
mark.against-3 { background: rgba(var(--lc-against), .26); }
mark.against-4 { background: rgba(var(--lc-against), .34); }
mark[class^=against] { border-bottom-style: dashed !important; border-color: rgb(var(--lc-against)) !important; }
.so .lc-read { margin: 12px 0 0; font-size: 13.5px; max-height: 340px; overflow-y: auto; display: block; }
.so .lc-read th, .so .lc-read td { padding: 5px 12px 5px 0 !important;
  border-bottom: 1px solid var(--so-line) !important; overflow-wrap: anywhere; }
.so .lc-read thead th { color: var(--so-soft); }
"""
