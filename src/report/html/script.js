"use strict";
// The page is whole without this: it only sorts and filters. `#filter=TEXT&verdict=WORD&sort=COLUMN`
// (`-COLUMN` for the other direction) in the address does the same, so that a view can be linked.
const table = document.getElementById("endpoints");
const body = table.tBodies[0];
const filter = document.getElementById("filter");
const verdict = document.getElementById("verdict");
const count = document.getElementById("count");
const rows = Array.from(body.rows);
const heads = Array.from(table.tHead.rows[0].cells);
const words = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

function show() {
  const wanted = filter.value.trim().toLowerCase();
  let shown = 0;
  for (const row of rows) {
    row.hidden = !words.get(row).includes(wanted) || (verdict.value !== "" && row.dataset.verdict !== verdict.value);
    if (!row.hidden) shown += 1;
  }
  count.textContent = `${shown} of ${rows.length} endpoints`;
}

function key(row, column) {
  const cell = row.cells[column];
  return cell.dataset.key ?? cell.textContent;
}

function sort(column, direction) {
  const sign = direction === "descending" ? -1 : 1;
  rows.sort((a, b) => sign * key(a, column).localeCompare(key(b, column), "en", { numeric: true }));
  body.append(...rows);
  heads.forEach((head, at) => {
    if (at === column) head.setAttribute("aria-sort", direction);
    else head.removeAttribute("aria-sort");
  });
}

heads.forEach((head, column) => {
  const button = head.querySelector("button");
  if (!button) return;
  button.addEventListener("click", () => {
    sort(column, head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending");
  });
});
filter.addEventListener("input", show);
verdict.addEventListener("change", show);

function follow() {
  const asked = new URLSearchParams(location.hash.slice(1));
  filter.value = asked.get("filter") ?? "";
  verdict.value = asked.get("verdict") ?? "";
  const by = asked.get("sort") ?? "";
  const column = heads.findIndex((head) => head.dataset.name === by.replace(/^-/, ""));
  if (column >= 0) sort(column, by.startsWith("-") ? "descending" : "ascending");
  show();
}
addEventListener("hashchange", follow);
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
});
document.querySelector(".controls").hidden = false;
follow();
