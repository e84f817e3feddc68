// What a page remembers beyond its being loaded anew. `sessionStorage` is shared by all frames of a host page, even by two of one
// address; the entry in the history is each frame's own.

/** Remembers a value under a name; gives the one that was there. Throws where a page may have no memory. */
export function remember(name, value) {
  const before = history.state?.[name];
  history.replaceState({ ...history.state, [name]: value }, "");
  return before;
}
