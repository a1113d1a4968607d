// Elements from plain values; text is always set as text.

/** An element with properties and children; `data-x` and `aria-x` become attributes. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.includes("-") || name === "role" || name === "scope" || name === "colSpan") {
      made.setAttribute(name, value);
    } else {
      made[name] = value;
    }
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function find(selector) {
  const found = document.querySelector(selector);
  if (found === null) throw new Error(`nothing is ${selector}`);
  return found;
}

/** A symbol such as E_DC with its index below the line. */
export function symbol(text) {
  const [base, index] = text.split("_");
  return el("span", {}, base, index === undefined ? null : el("sub", {}, index));
}

/** Set text only where it differs, so that screen readers and selections are left alone. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A definition list's pairs; a value may be a text or an element. */
export function pairs(entries) {
  return entries.flatMap(([name, value, kind]) => [
    el("dt", {}, name),
    el("dd", { className: kind ?? "" }, value),
  ]);
}
