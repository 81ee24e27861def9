"""The styles of every Space: fonts, colours in the light and the dark, what gradio is given of them."""

SANS = (
    "Inter",
    "ui-sans-serif",
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "sans-serif",
)
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")

CSS = """
:root {
  --so-page: #f4f7f8; --so-card: #ffffff; --so-ink: #14222b; --so-soft: #4b5c67; --so-line: #d3dde2;
  --so-accent: #0b6670; --so-accent-deep: #084f57;
  --so-on-accent: #ffffff; --so-track: #e4ebee; --so-warn-ink: #7a3e00; --so-warn: #fff5e4;
  --so-warn-line: #c77700;
  --so-stop-ink: #8c1d34; --so-stop: #fdeff1; --so-stop-line: #b3263f; --so-calm: #ebf5f4;
  --so-calm-line: #2b7f83;
  --so-red: #ab2440; --so-amber: #b05f00; --so-blue: #1d6596; --so-grey: #5c6b75;
}
:root.dark, .dark {
  --so-page: #0e161b; --so-card: #15212a; --so-ink: #e9eff2; --so-soft: #a8b8c2; --so-line: #2c3b46;
  --so-accent: #63c7cf; --so-accent-deep: #8ad9df;
  --so-on-accent: #0e161b; --so-track: #263540; --so-warn-ink: #ffd9a1; --so-warn: #2b2113;
  --so-warn-line: #d08b2c;
  --so-stop-ink: #ffc2cb; --so-stop: #2d161c; --so-stop-line: #e0677d; --so-calm: #12292b;
  --so-calm-line: #4aa5aa;
  --so-red: #f0758c; --so-amber: #eda646; --so-blue: #6bb2e4; --so-grey: #a3b2bc;
}
html, body, gradio-app, .gradio-container { background: var(--so-page) !important; }
.gradio-container { width: 100% !important; max-width: 1180px !important; margin: 0 auto !important;
  padding: 0 !important; }
.gradio-container .main { padding: 0 !important; }
.gradio-container main { width: 100% !important; }
.gradio-container main { padding: 26px 24px 20px !important; }
.so-panel, .so-panel > * { padding: 0 !important; min-height: 0 !important; overflow: visible !important; }
.so-panel span.error { display: none !important; }
.so, .so * { box-sizing: border-box; }
.so { color: var(--so-ink); font-size: 15px; line-height: 1.5; }
.so h1, .so h2, .so h3 { color: var(--so-ink); margin: 0; letter-spacing: -0.01em; }
.so h1 { font-size: 28px; line-height: 1.2; font-weight: 680; }
.so h2 { font-size: 18px; font-weight: 650; }
.so h3 { font-size: 13px; font-weight: 600; color: var(--so-soft); letter-spacing: 0; }
.so p { margin: 0; }
.so a { color: var(--so-accent); text-decoration: underline; text-underline-offset: 2px; }
.so-lede { color: var(--so-soft); max-width: 74ch; margin-top: 6px !important; }
.so .so-facts { display: flex; flex-wrap: wrap; gap: 6px 22px; margin: 14px 0 0; padding: 12px 0 0;
  border-top: 1px solid var(--so-line); font-size: 13px; }
.so-facts div { display: flex; gap: 7px; min-width: 0; }
.so-facts dt { color: var(--so-soft); margin: 0; }
.so-facts dd { margin: 0; overflow-wrap: anywhere; font-weight: 550; }
.so-tag { display: inline-block; font-size: 12.5px; font-weight: 600; color: var(--so-warn-ink);
  background: var(--so-warn);
  border: 1px solid var(--so-warn-line); border-radius: 99px; padding: 2px 11px; margin-bottom: 10px; }
.so-card { background: var(--so-card); border: 1px solid var(--so-line); border-radius: 12px;
  padding: 18px 20px; }
.so-notice { border: 1px solid var(--so-line); border-left: 4px solid var(--so-calm-line);
  background: var(--so-calm);
  border-radius: 8px; padding: 10px 14px; }
.so-notice strong { display: block; font-weight: 650; }
.so-notice.warn { background: var(--so-warn); border-color: var(--so-warn-line); color: var(--so-warn-ink);
  }
.so-notice.stop { background: var(--so-stop); border-color: var(--so-stop-line); color: var(--so-stop-ink);
  }
.so-notice + .so-notice, .so-notice + .so-pair, .so-pair + .so-notice { margin-top: 12px; }
.so-pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 250px), 1fr));
  gap: 12px; }
.so-uneven { align-items: start; }
.so .so-verdict { display: flex; align-items: center; gap: 9px; font-size: 23px; font-weight: 680;
  margin: 4px 0 16px;
  letter-spacing: -0.015em; line-height: 1.25; }
.so .so-verdict.none { color: var(--so-soft); font-weight: 500; }
.so-dot { width: 12px; height: 12px; border-radius: 50%; flex: none; background: var(--tone); }
.so table { width: 100%; border-collapse: collapse; font-size: 14px; margin: 0; color: var(--so-ink);
  font-variant-numeric: tabular-nums; }
.so th, .so td { border: 0; padding: 0; text-align: left; font-weight: 400; color: var(--so-ink); }
.so-bars tr { display: grid; grid-template-columns: 1fr auto; row-gap: 5px; margin-bottom: 12px; }
.so-bars tr:last-child { margin-bottom: 2px; }
.so-bars .bar { grid-column: 1 / -1; grid-row: 2; height: 10px; border-radius: 99px;
  background: var(--so-track);
  overflow: hidden; }
.so-bars .bar i { display: block; height: 100%; min-width: 3px; border-radius: 99px;
  background: var(--tone); }
.so-bars .top th, .so-bars .top .value { font-weight: 680; }
.so-figures th, .so-figures td { padding: 7px 10px 7px 0 !important;
  border-bottom: 1px solid var(--so-line) !important; }
.so-figures thead th { color: var(--so-soft); font-size: 13px; }
.so-figures td { text-align: right; white-space: nowrap; }
.so-figures th:last-child, .so-figures td:last-child { padding-right: 0 !important; }
.so-figures thead th:not(:first-child) { text-align: right; }
.so-figures tbody tr:last-child th, .so-figures tbody tr:last-child td { border-bottom: 0 !important; }
.so-figures small { color: var(--so-soft); font-size: 12.5px; }
.so-note { color: var(--so-soft); font-size: 13px; }
.so ul.so-list { margin: 8px 0 0; padding-left: 18px; list-style: disc; }
.so ul.so-list li { margin: 0 0 6px; padding-left: 2px; }
.so-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
.so.so-foot { border-top: 1px solid var(--so-line); margin-top: 8px; padding-top: 14px !important;
  color: var(--so-soft); font-size: 13px; }
.so progress { width: 100%; height: 10px; margin: 8px 0 0; border: 0; border-radius: 99px; appearance: none;
  background: var(--so-track); overflow: hidden; display: block; }
.so progress::-webkit-progress-bar { background: var(--so-track); }
.so progress::-webkit-progress-value { background: var(--so-accent); border-radius: 99px; }
.so progress::-moz-progress-bar { background: var(--so-accent); border-radius: 99px; }
.so-above { display: flex; flex-wrap: wrap; gap: 8px 18px; justify-content: space-between; align-items: center;
  margin-bottom: 10px; }
.so-wide { overflow-x: auto; margin-top: 6px; }
.so-wide th, .so-wide td { white-space: nowrap; }
.so .so-wide td { text-align: left; padding-right: 18px !important; }
.so .so-wide th { text-align: left !important; padding-right: 18px !important; }
.so-wide:focus-visible { outline: 3px solid var(--so-accent); outline-offset: 2px; }
.so.so-scored > * + *, .so-scored .so-bars { margin-top: 12px !important; }
.so-scored .so-verdict { display: none; }
.so a.so-download { font-weight: 600; }
.so-input textarea { font-size: 15px !important; line-height: 1.55 !important; }
.so-examples { gap: 8px !important; }
.so-examples button { text-align: left; justify-content: flex-start; font-weight: 500; white-space: normal;
  }
button:focus-visible, textarea:focus-visible, a:focus-visible {
  outline: 3px solid var(--so-accent) !important;
  outline-offset: 2px; }
@media (max-width: 640px) {
  .gradio-container main { padding: 18px 14px !important; }
  .so h1 { font-size: 23px; }
  .so-card { padding: 15px; }
  .so-figures small { display: block; }
  .so-figures th, .so-figures td { padding-right: 6px !important; }
}
@media (max-width: 380px) { .so-figures th:last-child, .so-figures td:last-child { display: none; } }
@media (prefers-reduced-motion: no-preference) {
  .so-bars .bar i { animation: so-grow .35s ease-out; transform-origin: 0; }
}
@keyframes so-grow { from { transform: scaleX(0); } }
"""

DOOR_CSS = """
.gradio-container { max-width: 520px !important; }
.gradio-container div { background-color: transparent !important; }
"""

SURFACES = {
    "body_background_fill": "var(--so-page)",
    "body_text_color": "var(--so-ink)",
    "body_text_color_subdued": "var(--so-soft)",
    "background_fill_primary": "var(--so-card)",
    "border_color_primary": "var(--so-line)",
    "block_background_fill": "var(--so-card)",
    "block_border_color": "var(--so-line)",
    "block_shadow": "none",
    "block_title_text_color": "var(--so-ink)",
    "block_info_text_color": "var(--so-soft)",
    "input_background_fill": "var(--so-card)",
    "input_background_fill_focus": "var(--so-card)",
    "input_border_color": "var(--so-line)",
    "input_border_color_focus": "var(--so-accent)",
    "input_placeholder_color": "var(--so-soft)",
    "slider_color": "var(--so-accent)",
    "checkbox_background_color_selected": "var(--so-accent)",
    "checkbox_border_color_selected": "var(--so-accent)",
    "button_primary_background_fill": "var(--so-accent)",
    "button_primary_background_fill_hover": "var(--so-accent-deep)",
    "button_primary_text_color": "var(--so-on-accent)",
    "button_primary_text_color_hover": "var(--so-on-accent)",
    "button_secondary_background_fill": "var(--so-card)",
    "button_secondary_background_fill_hover": "var(--so-track)",
    "button_secondary_border_color": "var(--so-line)",
    "button_secondary_text_color": "var(--so-ink)",
    "button_secondary_text_color_hover": "var(--so-ink)",
}
