"""What is measured in a real browser on any page of the project."""

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

# The contrast of every visible text with what is painted behind it (WCAG 2.2, 1.4.3).
LOW_CONTRAST = """() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
  const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const luminance = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c[3] === 1) return c;
    }
    return [255, 255, 255, 1];
  };
  const low = [];
  let seen = 0;
  for (const e of document.querySelectorAll('main *')) {
    const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
    const box = e.getBoundingClientRect();
    if (!(text || e.tagName === 'TEXTAREA') || !box.width || !box.height || e.tagName === 'STYLE') continue;
    const style = getComputedStyle(e);
    if (style.visibility === 'hidden' || style.opacity === '0') continue;
    const [a, b] = [luminance(parse(style.color)), luminance(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    seen += 1;
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) low.push([text.slice(0, 40), ratio.toFixed(2)]);
  }
  return {seen, low};
}"""

# What a page left in the browser.
KEPT = """async () => ({
  local: Object.keys(localStorage), session: Object.keys(sessionStorage),
  databases: (await indexedDB.databases()).map(d => d.name), caches: await caches.keys(), cookies: document.cookie
})"""
NOTHING = {"local": [], "session": [], "databases": [], "caches": [], "cookies": ""}
