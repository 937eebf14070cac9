"use strict";
// The page is whole without this: it sorts and filters the table of endpoints, reads attributes and
// text, and writes no markup. `#filter=TEXT&verdict=WORD&sort=COLUMN` (`-COLUMN` for the other
// direction) in the address does the same, so that a view can be linked.
(() => {
  const list = document.getElementById("list");
  const [filter, verdict, found, count, fold] =
    ["filter", "verdict", "found", "count", "fold"].map((id) => document.getElementById(id));
  const rows = [...list.tBodies].map((body, index) => ({
    body,
    index,
    text: body.textContent.toLowerCase(),
    cells: [...body.rows[0].cells].map((cell) => cell.textContent.trim()),
  }));
  const NONE = "9";

  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { body, text } of rows) {
      const keep = (!verdict.value || body.dataset.verdict === verdict.value) &&
        (!found.checked || body.dataset.severity !== NONE) &&
        words.every((word) => text.includes(word));
      body.hidden = !keep;
      shown += keep;
    }
    count.textContent = `${shown} of ${rows.length} endpoints`;
  };

  const by = {
    verdict: (a, b) => a.body.dataset.rank - b.body.dataset.rank,
    findings: (a, b) => a.body.dataset.severity - b.body.dataset.severity,
  };
  const text = (column) => (a, b) => a.cells[column].localeCompare(b.cells[column], "en", { numeric: true });
  const heads = [...list.tHead.rows[0].cells];
  const button = (head) => head.firstElementChild;

  const sort = (head, down) => {
    const order = by[button(head).dataset.sort] || text(head.cellIndex);
    rows.sort((a, b) => (down ? order(b, a) : order(a, b)) || a.index - b.index);
    list.append(...rows.map((row) => row.body));
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  };
  heads.forEach((head) => button(head).addEventListener("click", () => {
    sort(head, head.getAttribute("aria-sort") === "ascending");
  }));

  filter.addEventListener("input", show);
  verdict.addEventListener("change", show);
  found.addEventListener("change", show);

  const folds = [...document.querySelectorAll("details")];
  fold.addEventListener("click", () => {
    const open = fold.getAttribute("aria-pressed") !== "true";
    fold.setAttribute("aria-pressed", open);
    folds.forEach((one) => { one.open = open; });
  });

  const follow = () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (!["filter", "verdict", "sort"].some((key) => asked.has(key))) return;
    filter.value = asked.get("filter") ?? "";
    verdict.value = asked.get("verdict") ?? "";
    const wanted = asked.get("sort") ?? "";
    const head = heads.find((one) => button(one).dataset.sort === wanted.replace(/^-/, ""));
    if (head) sort(head, wanted.startsWith("-"));
    show();
  };
  addEventListener("hashchange", follow);

  // Copies the command beside the button. Rows that come later need no handler of their own.
  addEventListener("click", ({ target }) => {
    if (!target.classList?.contains("copy")) return;
    const command = target.previousElementSibling;
    const said = (text) => {
      target.textContent = text;
      setTimeout(() => { target.textContent = "Copy"; }, 1500);
    };
    // Without a clipboard the text is selected, to be copied with the keyboard.
    const select = () => {
      getSelection().selectAllChildren(command);
      said("Selected");
    };
    if (!navigator.clipboard) return select();
    navigator.clipboard.writeText(command.textContent).then(() => said("Copied"), select);
  });
  document.documentElement.classList.add("scripted");

  // On paper nothing can be unfolded.
  let before = [];
  addEventListener("beforeprint", () => {
    before = folds.map((one) => one.open);
    folds.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => folds.forEach((one, index) => { one.open = before[index]; }));

  document.querySelector(".controls").hidden = false;
  follow();
})();
