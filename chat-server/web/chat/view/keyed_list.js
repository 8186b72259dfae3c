// Elements of a list that are kept, moved or removed as the items change that they stand for.

export class KeyedList {
  #parent;
  #make;
  #update;
  #elements = new Map();

  // `make(item)` gives the element of an item, `update(element, item, before)` brings it up to date; `before` is
  // the item above it.
  constructor(parent, make, update) {
    this.#parent = parent;
    this.#make = make;
    this.#update = update;
  }

  get size() {
    return this.#elements.size;
  }

  // Items have an `id` each, which stays the same.
  draw(items) {
    const ids = new Set(items.map(({ id }) => id));
    for (const [id, element] of this.#elements) {
      if (ids.has(id)) continue;
      element.remove();
      this.#elements.delete(id);
    }
    let next = this.#parent.firstElementChild;
    let before = null;
    for (const item of items) {
      const element = this.#elements.get(item.id) ?? this.#add(item);
      if (element === next) next = next.nextElementSibling;
      else this.#parent.insertBefore(element, next);
      this.#update(element, item, before);
      before = item;
    }
  }

  #add(item) {
    const element = this.#make(item);
    this.#elements.set(item.id, element);
    return element;
  }
}
