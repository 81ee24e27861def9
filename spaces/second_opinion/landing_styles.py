"""Styles of this page alone; colours are the look's, charts are those of the deferral console."""

CSS = """
.so ol.l-questions { list-style: none; margin: 0; padding: 0; display: grid; gap: 12px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 230px), 1fr)); }
.l-questions li { margin: 0; display: grid; }
.so .l-questions a { display: block; height: 100%; text-decoration: none; color: var(--so-ink);
  background: var(--so-card); border: 1px solid var(--so-line); border-top: 4px solid var(--so-accent);
  border-radius: 12px; padding: 14px 16px; }
.so .l-questions a:hover { border-color: var(--so-accent); }
.l-questions b { display: block; font-size: 16px; font-weight: 650; line-height: 1.3; }
.l-questions span { display: block; color: var(--so-soft); font-size: 13.5px; margin-top: 6px; }
.l-trust { display: grid; gap: 6px 22px; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); margin-top: 8px; }
.so .l-said { font-size: 16px; line-height: 1.5; }
.l-trust .so-note { margin-top: 8px; }
.l-diagram .dc-area { height: 150px; }
.dc-area .l-bin { width: var(--size); height: var(--size); border-radius: 50%; background: var(--so-accent);
  opacity: .85; margin: calc(var(--size) / -2) 0 0 calc(var(--size) / -2); border: 2px solid var(--so-card); }
.l-diagram .value { white-space: nowrap; }
.l-answer > * + * { margin-top: 12px; }
.so .l-heading { margin: 6px 0 10px; }
.l-gain > h2 { margin-bottom: 10px !important; }
.l-record > * + * { margin-top: 12px; }
.so .l-record .dc-facts dd { text-align: right; overflow-wrap: anywhere; }
.so .l-classes th, .so .l-classes td { padding: 8px 10px 8px 0; border-bottom: 1px solid var(--so-line); }
.so .l-classes thead th { color: var(--so-soft); font-size: 13px; }
.so .l-classes tbody tr:last-child > * { border-bottom: 0; font-weight: 650; }
.so .l-classes td { text-align: right; white-space: nowrap; color: var(--so-soft); }
.so .l-classes td:nth-child(2) { width: 52%; color: var(--so-ink); }
.so .l-classes thead th:not(:first-child) { text-align: right; }
.l-range { position: relative; display: inline-block; width: calc(100% - 58px); height: 12px; margin-right: 10px;
  vertical-align: middle; background: linear-gradient(var(--so-track), var(--so-track)) center / 100% 4px no-repeat; }
.l-range i { position: absolute; display: block; }
.l-range .range { top: 3px; height: 6px; border-radius: 99px; background: var(--so-accent); opacity: .45; }
.l-range .dot { top: 0; width: 12px; height: 12px; margin-left: -6px; border-radius: 50%; background: var(--so-accent);
  border: 2px solid var(--so-card); }
.so ol.l-steps { margin: 10px 0 0; padding: 0; list-style: none; display: grid; gap: 14px 24px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
.l-steps li { margin: 0; min-width: 0; }
.so pre.l-code { margin: 6px 0; padding: 9px 12px; font-size: 12.5px; line-height: 1.5; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; border-radius: 8px; background: var(--so-track);
  color: var(--so-ink); }
.l-others p { margin-top: 6px; }
.so .l-open { display: inline-block; margin-top: 10px; font-weight: 650; }
.l-code:focus-visible { outline: 3px solid var(--so-accent); outline-offset: 2px; }
@media (max-width: 640px) {
  .l-trust { grid-template-columns: minmax(0, 1fr); }
  .so .l-classes th:nth-child(3), .so .l-classes td:nth-child(3) { display: none; }
}
"""
