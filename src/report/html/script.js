"use strict";
// Draws the list of endpoints from the block of data, as they come into view, and filters, sorts and
// groups it. It writes text and no markup. `#filter=TEXT&verdict=WORD&sort=COLUMN&group=KEY&unfold=1`
// (`-COLUMN` for the other direction) in the address does the same, so that a view can be linked.
(() => {
  const byId = (id) => document.getElementById(id);
  const [list, filter, verdict, group, sort, found, fold, count] =
    ["list", "filter", "verdict", "group", "sort", "found", "fold", "count"].map(byId);
  const { strings, endpoints } = JSON.parse(byId("data").textContent);
  const rows = endpoints.map((numbers, index) => {
    const [verdict, target, name, who, may, severity, more, provider] =
      numbers.slice(0, 8).map((number) => strings[number]);
    return { index, verdict, target, name, who, may, severity, more, provider, numbers };
  });
  const CHUNK = 50;
  const SEVERITIES = ["critical", "high", "medium", "low", "note", ""];
  const verdicts = [...verdict.options].map((option) => option.value);

  const element = (tag, name, ...children) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...children);
    return made;
  };
  const badge = (kind, word) => element("span", `badge ${kind}-${word}`, word);

  // Rows of one text are a list, of two a term and its meaning, of more a table under its titles.
  const evidence = ([title, lines]) => {
    const texts = lines.map((line) => line.map((number) => strings[number]));
    const part = element("div", "", element("div", "title", strings[title]));
    if (texts[0].length === 1) {
      part.append(element("ul", "facts", ...texts.map(([text]) => element("li", "", text))));
    } else if (texts[0].length === 2) {
      part.append(element("dl", "", ...texts.flatMap(([term, text]) =>
        [element("dt", "", term), element("dd", "", text)])));
    } else {
      const [titles, ...cells] = texts;
      const head = titles.map((text) => {
        const cell = element("th", "", text);
        cell.scope = "col";
        return cell;
      });
      const body = cells.map((line) => element("tr", "", ...line.map((text) => element("td", "", text))));
      const scroll = element("div", "scroll", element("table", "requests",
        element("thead", "", element("tr", "", ...head)), element("tbody", "", ...body)));
      scroll.tabIndex = 0;
      scroll.setAttribute("role", "group");
      scroll.setAttribute("aria-label", strings[title]);
      part.append(scroll);
    }
    return part;
  };

  let unfolded = false;
  const draw = (row) => {
    const target = element("span", "target");
    if (row.name) target.append(element("strong", "", row.name), " ");
    target.append(element("code", "", row.target));
    const findings = element("span", "");
    if (row.severity) findings.append(badge("s", row.severity), row.more ? ` ${row.more}` : "");
    const summary = element("summary", "line", element("span", "", badge("v", row.verdict)), target,
      element("span", "who", row.who), element("span", "may", row.may), findings);
    const details = element("details", "row", summary);
    const unfold = () => {
      if (details.open && details.childElementCount === 1) {
        details.append(...row.numbers[8].map(evidence));
      }
    };
    details.addEventListener("toggle", unfold);
    details.open = unfolded;
    unfold();
    return element("li", "", details);
  };

  // Blocks of rows that are not drawn yet keep the room that they will take.
  const waiting = new Map();
  const fill = (block) => {
    const rows = waiting.get(block);
    if (!rows) return;
    waiting.delete(block);
    observer.unobserve(block);
    block.style.minHeight = "";
    block.append(...rows.map(draw));
  };
  const observer = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) if (isIntersecting) fill(target);
  }, { rootMargin: "800px" });
  const blocks = (rows) => {
    const height = innerWidth < 880 ? 110 : 45;
    const made = [];
    for (let at = 0; at < rows.length; at += CHUNK) {
      const block = element("ul", "rows");
      waiting.set(block, rows.slice(at, at + CHUNK));
      block.style.minHeight = `${Math.min(CHUNK, rows.length - at) * height}px`;
      made.push(block);
    }
    return made;
  };

  // Which texts have the word is found once; an endpoint matches if it refers to one of them.
  let lower;
  const matching = (words) => {
    lower ??= strings.map((text) => text.toLowerCase());
    const sets = words.map((word) => Uint8Array.from(lower, (text) => (text.includes(word) ? 1 : 0)));
    return (row) => {
      row.all ??= row.numbers.flat(3);
      return sets.every((set) => row.all.some((number) => set[number]));
    };
  };

  const natural = new Intl.Collator("en", { numeric: true }).compare;
  const orders = {
    verdict: (a, b) => verdicts.indexOf(a.verdict) - verdicts.indexOf(b.verdict),
    findings: (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity),
    target: (a, b) => natural(a.name || a.target, b.name || b.target),
    who: (a, b) => natural(a.who, b.who),
  };
  const groups = {
    provider: (row) => row.provider || "unknown provider",
    verdict: (row) => row.verdict,
    name: (row) => row.name || "without a name",
    // `prod-fra` for `prod-fra-2`.
    start: (row) => row.name.replace(/[-_. ]?[^-_. ]*$/, "") || row.name || "without a name",
    finding: (row) => row.severity || "no finding",
  };

  // `label:env` groups by the label `env`.
  const byLabel = (label) => (row) => {
    row.labels ??= new Map(row.numbers[9].map((number) => {
      const [key, ...value] = strings[number].split("=");
      return [key, value.join("=")];
    }).reverse());
    return row.labels.get(label) ?? `without ${label}`;
  };
  const keyOf = (word) => (word.startsWith("label:") ? byLabel(word.slice(6)) : groups[word]);

  let down = false;
  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = words.length ? matching(words) : () => true;
    const shown = rows.filter((row) => (!verdict.value || row.verdict === verdict.value) &&
      (!found.checked || row.severity) && matches(row));
    const order = orders[sort.value];
    if (order) shown.sort((a, b) => (down ? order(b, a) : order(a, b)) || a.index - b.index);
    observer.disconnect();
    waiting.clear();
    const key = keyOf(group.value);
    if (key) {
      const grouped = Map.groupBy(shown, key);
      list.replaceChildren(...[...grouped].map(([name, members], index) => {
        const kinds = Map.groupBy(members, (row) => row.verdict);
        const counts = [...kinds].map(([word, some]) => `${some.length} ${word}`).join(", ");
        const details = element("details", "group",
          element("summary", "", `${name}: ${counts}`), ...blocks(members));
        details.open = unfolded || index === 0;
        return details;
      }));
    } else {
      list.replaceChildren(...blocks(shown));
    }
    const first = waiting.keys().next().value;
    if (first) fill(first);
    for (const block of waiting.keys()) observer.observe(block);
    count.textContent = `${shown.length} of ${rows.length} endpoints`;
  };

  filter.addEventListener("input", show);
  for (const one of [verdict, group, found]) one.addEventListener("change", show);
  sort.addEventListener("change", () => { down = false; show(); });

  const folds = () => document.querySelectorAll("details");
  const setFold = (open) => {
    unfolded = open;
    fold.setAttribute("aria-pressed", open);
    folds().forEach((one) => { one.open = open; });
  };
  fold.addEventListener("click", () => setFold(!unfolded));

  const follow = () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (!["filter", "verdict", "sort", "group", "unfold"].some((key) => asked.has(key))) return show();
    filter.value = asked.get("filter") ?? "";
    verdict.value = asked.get("verdict") ?? "";
    group.value = asked.get("group") ?? "";
    const wanted = asked.get("sort") ?? "";
    down = wanted.startsWith("-");
    sort.value = wanted.replace(/^-/, "");
    show();
    if (asked.has("unfold")) setFold(true);
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

  // On paper nothing can be unfolded or scrolled.
  let before = [];
  addEventListener("beforeprint", () => {
    [...waiting.keys()].forEach(fill);
    before = [...folds()].filter((one) => !one.open);
    before.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => before.forEach((one) => { one.open = false; }));

  document.documentElement.classList.add("scripted");
  document.querySelector(".controls").hidden = false;
  follow();
})();
