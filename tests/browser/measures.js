// What tests ask of any page, as functions of `measures`: HTML or XML alike.
globalThis.measures = (() => {
  const channels = (color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const light = ({ r, g, b }) => {
    const [red, green, blue] = [r, g, b].map((value) => value / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ratio = (one, other) => {
    const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const behind = (element, pseudo) => {
    const own = pseudo && channels(getComputedStyle(element, pseudo).backgroundColor);
    if (own && own.a === 1) return own;
    for (let here = element; here; here = here.parentElement) {
      const found = channels(getComputedStyle(here).backgroundColor);
      if (found.a === 1) return found;
    }
    throw new Error("nothing is painted behind it");
  };
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  const texts = () => {
    const walk = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walk.nextNode()) {
      const parent = walk.currentNode.parentElement;
      if (walk.currentNode.data.trim() && seen(parent)) found.push([walk.currentNode.data.trim(), parent]);
    }
    return found;
  };
  const generated = () => [...document.querySelectorAll("*")].filter(seen).flatMap((element) =>
    ["::before", "::after"].map((pseudo) => [getComputedStyle(element, pseudo).content, element, pseudo])
      .filter(([content]) => !["none", "normal", '""'].includes(content)));
  return {
    said: () => texts().map(([words]) => words),
    generated: () => generated().map(([content]) => content),
    // Words whose contrast is below what WCAG 2.2 asks (1.4.3), with the ratio.
    faint: () => [
      ...texts().map(([words, element]) => [words, element]),
      ...generated(),
      ...[...document.querySelectorAll("input, textarea")].filter(seen).map((field) => [field.value, field]),
    ].map(([words, element, pseudo]) =>
      [words, ratio(channels(getComputedStyle(element, pseudo).color), behind(element, pseudo))])
      .filter(([, found]) => found < 4.5),
    // How far the page reaches to the right of what is seen of it, in pixels.
    sideways: () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  };
})();
