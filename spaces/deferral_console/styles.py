"""Styles of this page alone; colours are the look's, so that light and dark are both legible."""

CSS = """
.dc-flow { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 250px), 1fr)); }
.dc-flow .so-card:first-child { grid-row: span 2; }
.so-notice + .dc-flow { margin-top: 12px; }
.dc-flow .so-verdict { margin-bottom: 8px !important; }
.so .dc-facts { margin: 0; font-size: 13.5px; font-variant-numeric: tabular-nums; }
.so .dc-facts div { display: flex; justify-content: space-between; gap: 12px; padding: 5px 0;
  border-top: 1px solid var(--so-line); }
.so .dc-facts dt, .so .dc-long dt { color: var(--so-soft); margin: 0; }
.so .dc-facts dd { margin: 0; font-weight: 600; }
.so .dc-long { margin: 10px 0 0; font-size: 14px; display: grid; gap: 0 28px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); }
.so .dc-long div { padding: 8px 0; border-top: 1px solid var(--so-line); }
.so.dc-about > * + * { margin-top: 12px; }
.so .dc-limits { columns: 2 340px; column-gap: 34px; }
.so .dc-limits li { break-inside: avoid; }
.so .dc-long dt { font-size: 13px; }
.so .dc-long dd { margin: 0; overflow-wrap: anywhere; }
.dc-budget { background: var(--so-card) !important; border: 1px solid var(--so-line) !important;
  border-radius: 12px !important; padding: 18px 20px !important; gap: 14px !important; }
.dc-budget .row, .dc-budget .form, .dc-budget .block { border: 0 !important; background: transparent !important; }
.dc-budget .block { padding: 0 !important; }
.dc-budget .form { gap: 28px !important; }
.dc-budget fieldset { padding: 0 !important; }
.dc-budget input[type=range] { height: 22px; }
.dc-budget input[type=range]::-webkit-slider-thumb { background: var(--so-accent) !important; }
.dc-budget input[type=range]::-moz-range-thumb { background: var(--so-accent) !important; }
.dc-trade { display: grid; gap: 8px 28px; grid-template-columns: minmax(0, 1.25fr) minmax(0, 1fr); }
.dc-trade .dc-legend { grid-column: 1 / -1; }
.dc-chart { margin: 0; }
.so .dc-chart figcaption { font-size: 13px; font-weight: 600; color: var(--so-soft); margin-bottom: 10px; }
.dc-plot { padding: 4px 10px 26px 38px; }
.dc-area { position: relative; height: clamp(210px, 27vw, 310px); }
.dc-area > svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.dc-area line, .dc-area polyline, .dc-legend line { fill: none; vector-effect: non-scaling-stroke;
  stroke-linejoin: round; stroke-linecap: round; stroke-width: 2px; }
.dc-area .grid { stroke: var(--so-line); stroke-width: 1px; }
.dc-area .band { fill: var(--so-accent); opacity: .13; }
.dc-area .policy, .dc-legend .policy { stroke: var(--so-accent); stroke-width: 3px; }
.dc-area .oracle, .dc-legend .oracle { stroke: var(--so-blue); stroke-dasharray: 8 5; }
.dc-area .random, .dc-legend .random { stroke: var(--so-grey); stroke-dasharray: 1 5; stroke-width: 2.5px; }
.dc-area .expert, .dc-legend .expert { stroke: var(--so-amber); stroke-dasharray: 12 4 2 4; stroke-width: 1.5px; }
.dc-area .classifier, .dc-legend .classifier { stroke: var(--so-red); stroke-dasharray: 4 4; stroke-width: 1.5px; }
.dc-area i, .dc-legend i { position: absolute; display: block; }
.dc-area .guide { top: 0; bottom: 0; width: 0; border-left: 1.5px solid var(--so-ink); opacity: .45; }
.dc-area .point, .dc-legend .point { width: 16px; height: 16px; margin: -8px 0 0 -8px; border-radius: 50%;
  background: var(--so-accent); border: 3px solid var(--so-card); box-shadow: 0 0 0 2px var(--so-accent); }
.dc-area .published, .dc-legend .published { width: 12px; height: 12px; margin: -6px 0 0 -6px;
  transform: rotate(45deg); background: var(--so-card); border: 2px solid var(--so-ink); }
.dc-area .text { bottom: -9px; width: 0; height: 0; margin-left: -7px; border: 7px solid transparent;
  border-bottom: 10px solid var(--so-amber); border-top: 0; }
.dc-area .value { position: absolute; transform: translate(14px, 6px); font-size: 13px; font-weight: 680;
  color: var(--so-ink); background: var(--so-card); border-radius: 6px; padding: 0 5px; line-height: 20px; }
.dc-area .value.left { transform: translate(calc(-100% - 14px), 6px); }
.dc-area span { position: absolute; font-size: 12px; color: var(--so-soft); line-height: 1;
  font-variant-numeric: tabular-nums; }
.dc-area .y { right: calc(100% + 8px); transform: translateY(-50%); }
.dc-area .x { top: calc(100% + 12px); transform: translateX(-50%); }
.so ul.dc-legend { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 4px 0 0; padding: 12px 0 0; list-style: none;
  border-top: 1px solid var(--so-line); font-size: 13px; color: var(--so-soft); }
.dc-legend li { display: flex; align-items: center; gap: 7px; margin: 0; }
.dc-legend svg { width: 26px; height: 8px; overflow: visible; }
.dc-legend i { position: static; margin: 0 !important; flex: none; }
.dc-legend .point { width: 12px; height: 12px; border-width: 2px; }
.dc-legend .published { width: 9px; height: 9px; }
.dc-legend .text { border: 6px solid transparent; border-bottom: 9px solid var(--so-amber); border-top: 0; width: 0; }
.dc-side .so-note { margin-top: 10px; }
.dc-side .own th, .dc-side .own td { font-weight: 680; }
.dc-why { margin-top: 8px !important; }
.dc-why th, .dc-why td { vertical-align: middle; }
.dc-why td:last-child { width: 38%; }
.dc-pull { position: relative; display: inline-block; width: calc(100% - 64px); height: 10px; margin-right: 10px;
  background: linear-gradient(var(--so-line), var(--so-line)) center / 1px 100% no-repeat, var(--so-track);
  border-radius: 99px; vertical-align: middle; overflow: hidden; }
.dc-pull i { position: absolute; top: 0; bottom: 0; }
.dc-pull .ask { left: 50%; background: var(--so-amber); }
.dc-pull .keep { right: 50%; background: var(--so-blue); }
.dc-why + .so-note { margin-top: 12px; }
.dc-text { white-space: pre-wrap; overflow-wrap: anywhere; margin: 8px 0 0; font-size: 16px; }
.dc-text + .so-note { margin-top: 12px; }
.so details summary { cursor: pointer; font-size: 13px; color: var(--so-soft); margin-top: 10px; }
@media (max-width: 860px) { .dc-trade { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 640px) {
  .dc-budget { padding: 15px !important; }
  .dc-why th:nth-child(3), .dc-why td:nth-child(3) { display: none; }
  .dc-why td:last-child { width: 40%; }
  .dc-pull { width: calc(100% - 50px); margin-right: 6px; }
}
@media (max-width: 380px) { .dc-why th:last-child, .dc-why td:last-child { display: table-cell !important; } }
"""
