/**
 * What can be wrong with the look of a page, as a script that runs in it: what sticks out at the side, ink that is too near
 * to its ground (WCAG 2.2, 1.4.3: 4.5 to 1), and what has no name for whoever does not see it.
 */
export const faultsOfLook = `(() => {
  const faults = [];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) faults.push('it is ' + scrollWidth + ' pixels wide');
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const ground = getComputedStyle(at).backgroundColor;
      if ((channels(ground)[3] ?? 1) === 1) return ground;
    }
    return 'rgb(255, 255, 255)';
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { textContent, parentElement } = texts.currentNode;
    if (textContent.trim() === '' || parentElement.closest('svg, script, style, noscript, :disabled') !== null) continue;
    if (!parentElement.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(parentElement).color), light(groundOf(parentElement))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faults.push('contrast ' + contrast.toFixed(2) + ': ' + textContent.trim().slice(0, 40));
  }
  for (const field of document.querySelectorAll('input, select, textarea'))
    if ((field.labels?.length ?? 0) === 0 && !field.ariaLabel) faults.push('no label: ' + field.outerHTML.slice(0, 80));
  for (const one of document.querySelectorAll('button, a'))
    if (!one.ariaLabel && one.textContent.trim() === '') faults.push('no name: ' + one.outerHTML.slice(0, 80));
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push('two of one id: ' + id);
  return faults;
})()`;
