/* Tables of the class "sortable": a header sorts, and fields filter by the first column and by one called "changes". Without a script they are plain tables. */
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0],
    headers = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort === undefined ? cell.textContent : Number(cell.dataset.sort);
  };

  headers.forEach((header, column) => {
    if (!header.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const numbers = typeof value(body.rows[0], column) === "number";
      const now = header.getAttribute("aria-sort");
      // Largest first where there are numbers, in the alphabet's order where there are words.
      const descending = now ? now === "ascending" : numbers;
      for (const other of headers) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const order = (a, b) => (numbers ? a - b : a.localeCompare(b)) * (descending ? -1 : 1);
      body.append(...[...body.rows].sort((a, b) => order(value(a, column), value(b, column))));
    });
  });

  const column = headers.findIndex((header) => header.textContent === "changes");
  const kinds = (row) => (column < 0 ? [] : row.cells[column].textContent.split(", "));
  const filter = document.createElement("form");
  filter.className = "table-filter";
  filter.setAttribute("aria-label", `Filter: ${table.caption.textContent}`);
  filter.innerHTML = `<label>Name <input type="search"></label> <label>Changes <select><option value="">anything</option></select></label> <span role="status"></span>`;
  const [name, changes, status] = filter.querySelectorAll("input, select, span");
  for (const kind of new Set([...body.rows].flatMap(kinds))) changes.append(new Option(kind));
  if (column < 0) changes.parentNode.remove();
  filter.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("input", () => {
    const wanted = name.value.trim().toLowerCase();
    for (const row of body.rows)
      row.hidden =
        !row.cells[0].textContent.toLowerCase().includes(wanted) ||
        (changes.value !== "" && !kinds(row).includes(changes.value));
    const shown = [...body.rows].filter((row) => !row.hidden).length;
    status.textContent = shown < body.rows.length ? `${shown} of ${body.rows.length}` : "";
  });
  table.parentNode.before(filter);
}
