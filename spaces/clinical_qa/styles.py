"""Styles of this page alone; neutral colours are the look's, so that light and dark are both legible."""

CSS = """
:root { --so-violet: #6a3d9a; --so-green: #2b6b34;
  --qa-red: #fbe3e7; --qa-blue: #dcecf8; --qa-amber: #fdebd0; --qa-violet: #ece2f6; --qa-green: #dff0e1;
  --qa-grey: #e4ebee; }
:root.dark, .dark { --so-violet: #c4a3ec; --so-green: #86cf90;
  --qa-red: #4a1f2a; --qa-blue: #193a52; --qa-amber: #47310f; --qa-violet: #382653; --qa-green: #1b3f22;
  --qa-grey: #2c3b46; }
.qa-label { display: inline-block; border-radius: 99px; padding: 1px 11px; font-size: 13px; font-weight: 620;
  line-height: 1.6; color: var(--so-on-accent); white-space: nowrap; }
.qa-label.red { background: var(--so-red); } .qa-label.blue { background: var(--so-blue); }
.qa-label.amber { background: var(--so-amber); } .qa-label.violet { background: var(--so-violet); }
.qa-label.green { background: var(--so-green); } .qa-label.grey { background: var(--so-grey); }
.so .qa-answer { margin: 8px 0 10px; padding: 0; border: 0; font-size: 21px; font-weight: 660; line-height: 1.3;
  letter-spacing: -0.01em; color: var(--so-ink); overflow-wrap: anywhere; }
.so .qa-labelled { margin: 0 0 14px; }
.so .qa-facts { margin: 0; font-size: 13.5px; font-variant-numeric: tabular-nums; }
.so .qa-facts div { display: flex; justify-content: space-between; gap: 12px; padding: 5px 0;
  border-top: 1px solid var(--so-line); }
.so .qa-facts dt { color: var(--so-soft); margin: 0; }
.so .qa-facts dd { margin: 0; font-weight: 600; text-align: right; }
.qa-facts + .so-note { margin-top: 8px !important; }
.qa-note { white-space: pre-wrap; overflow-wrap: anywhere; max-height: min(62vh, 560px); overflow-y: auto;
  position: relative; margin-top: 12px; padding: 14px 16px; border: 1px solid var(--so-line); border-radius: 8px;
  background: var(--so-card); color: var(--so-ink); font-size: 15px; line-height: 1.75; }
.qa-note:focus-visible { outline: 3px solid var(--so-accent); outline-offset: 2px; }
.qa-note mark { color: var(--so-ink); border-bottom: 3px solid; border-radius: 3px 3px 0 0; padding: 2px 0 1px;
  font-weight: 600; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.qa-note mark::after { content: attr(data-category); margin-left: 6px; padding: 1px 8px; border-radius: 99px;
  font-size: 12px; font-weight: 620; color: var(--so-on-accent); white-space: nowrap; }
.qa-note mark:not([data-category])::after { content: none; }
.qa-note mark.red { background: var(--qa-red); border-color: var(--so-red); }
.qa-note mark.blue { background: var(--qa-blue); border-color: var(--so-blue); }
.qa-note mark.amber { background: var(--qa-amber); border-color: var(--so-amber); }
.qa-note mark.violet { background: var(--qa-violet); border-color: var(--so-violet); }
.qa-note mark.green { background: var(--qa-green); border-color: var(--so-green); }
.qa-note mark.grey { background: var(--qa-grey); border-color: var(--so-grey); }
.qa-note mark.red::after { background: var(--so-red); } .qa-note mark.blue::after { background: var(--so-blue); }
.qa-note mark.amber::after { background: var(--so-amber); }
.qa-note mark.violet::after { background: var(--so-violet); }
.qa-note mark.green::after { background: var(--so-green); } .qa-note mark.grey::after { background: var(--so-grey); }
.qa-other { border-bottom: 2px dotted var(--so-soft); }
.qa-options { background: var(--so-card) !important; border: 1px solid var(--so-line) !important;
  border-radius: 12px !important; padding: 16px 20px !important; gap: 12px !important; }
.qa-options .form, .qa-options .block { border: 0 !important; border-radius: 0 !important; padding: 0 !important;
  background: transparent !important; overflow: visible !important; }
.qa-options .block + .block, .qa-options .form + .block { margin-top: 8px !important; }
.qa-options .form { gap: 20px !important; }
.qa-options fieldset { padding: 0 !important; }
.qa-options input[type=range] { height: 22px; }
.qa-options input[type=range]::-webkit-slider-thumb { background: var(--so-accent) !important; }
.qa-options input[type=range]::-moz-range-thumb { background: var(--so-accent) !important; }
.qa-options label span { overflow-wrap: anywhere; white-space: normal; }
.so-notice + .so-card, .qa-about > * + * { margin-top: 12px; }
.qa-about .so-figures { margin: 8px 0 10px; }
.so .qa-limits { columns: 2 340px; column-gap: 34px; }
.so .qa-limits li { break-inside: avoid; }
.qa-files { margin: 8px 0 0 !important; padding: 0; list-style: none; font-size: 14px; max-height: 190px;
  overflow-y: auto; }
.qa-files li { display: flex; justify-content: space-between; gap: 14px; padding: 4px 0;
  border-top: 1px solid var(--so-line); overflow-wrap: anywhere; }
.qa-files span { color: var(--so-soft); white-space: nowrap; font-variant-numeric: tabular-nums; }
.so .qa-table { background: var(--so-card); border: 1px solid var(--so-line); border-radius: 12px;
  border-collapse: separate; border-spacing: 0; overflow: hidden; table-layout: auto; }
.so .qa-table th, .so .qa-table td { padding: 9px 12px; border-bottom: 1px solid var(--so-line); vertical-align: top;
  overflow-wrap: anywhere; }
.so .qa-table thead th { color: var(--so-soft); font-size: 13px; font-weight: 600; white-space: nowrap; }
.so .qa-table tbody tr:last-child td { border-bottom: 0; }
.qa-table td[data-name="Answer"] { font-weight: 620; }
.qa-table td[data-name="Characters"], .qa-table td[data-name="Score"] { white-space: nowrap; }
.qa-table td[data-name="Note"] { color: var(--so-soft); }
.qa-table small { color: var(--so-soft); font-size: 12.5px; }
.qa-none { color: var(--so-soft); font-weight: 500; }
@media (max-width: 760px) {
  .qa-options { padding: 15px !important; }
  .so .qa-table, .so .qa-table tbody, .so .qa-table tr, .so .qa-table td { display: block; width: 100%; }
  .qa-table thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  .so .qa-table tr { padding: 10px 14px; border-bottom: 1px solid var(--so-line); }
  .so .qa-table tr:last-child { border-bottom: 0; }
  .so .qa-table td { border: 0; padding: 2px 0; display: grid; grid-template-columns: 92px minmax(0, 1fr); gap: 8px; }
  .so .qa-table td::before { content: attr(data-name); color: var(--so-soft); font-size: 13px; font-weight: 400; }
}
"""
