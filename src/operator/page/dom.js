/* What every part of the page is made of. Names come from outside: they are only ever set as text. */

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

const SVG = 'http://www.w3.org/2000/svg';

/** Sets attributes and event handlers. `undefined` and `false` remove an attribute. */
function assign(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value === undefined || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  return node;
}

/** An HTML element: attributes, then children (texts and nodes). */
export function el(tag, attributes = {}, ...children) {
  const node = assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  const node = assign(document.createElementNS(SVG, tag), attributes);
  node.append(...children);
  return node;
}

/** Sets a text only if it has changed, so that nothing is announced or selected anew. */
export function setText(node, text) {
  const value = String(text ?? '');
  if (node.textContent !== value) node.textContent = value;
}

/** Shows or hides an element. */
export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/** Sets an attribute only if it has changed; undefined removes it. */
export function setAttribute(node, name, value) {
  if (value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

/**
 * Makes a list's elements follow its items: each keeps its element, and with it the focus and what is unfolded, for as
 * long as its key is there. `create` returns an element with a method `update(item)`.
 */
export function follow(parent, items, keyOf, create) {
  const known = (parent.known ??= new Map());
  const keys = new Set();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    if (keys.has(key)) continue;
    keys.add(key);
    let node = known.get(key);
    if (node === undefined) {
      node = create(item);
      known.set(key, node);
    }
    node.update(item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const [key, node] of known) {
    if (keys.has(key)) continue;
    known.delete(key);
    node.remove();
  }
}

/** A message that goes by itself. */
export function toast(text, isBad = false) {
  const node = el('p', { class: isBad ? 'toast bad' : 'toast' }, text);
  byId('toasts').append(node);
  setTimeout(() => node.remove(), isBad ? 10_000 : 5_000);
}

/** A button that copies a text. */
export function copyButton(textOf, label) {
  const button = el('button', { type: 'button', class: 'copy', 'aria-label': label, title: label }, 'Copy');
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(textOf());
      setText(button, 'Copied');
    } catch {
      // Only pages at https or on this host may use the clipboard.
      const range = document.createRange();
      const code = button.parentElement.querySelector('code, pre');
      if (code !== null) {
        range.selectNodeContents(code);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
      }
      setText(button, 'Selected');
    }
    setTimeout(() => setText(button, 'Copy'), 2_000);
  });
  return button;
}
