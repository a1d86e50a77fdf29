// Addresses into the page: #case, #case/output, #case/output/way.
(report => {
  const elementOf = name => document.getElementById(name);

  // Open what holds an element, scroll there, and take up the way of comparing that the address names.
  report.follow = (address = location.hash) => {
    let name = address.replace(/^#/, "");
    try { name = decodeURIComponent(name); } catch { return; }
    let found = elementOf(name), way = "";
    while (!found && name.includes("/")) {  // an output that is no longer there leads to its case
      way = name.slice(name.lastIndexOf("/") + 1);
      name = name.slice(0, name.lastIndexOf("/"));
      found = elementOf(name);
    }
    if (!found) return;
    const article = found.closest("article.case");
    report.reveal?.(article);
    const details = article && report.one(":scope > details", article);
    if (details) details.open = true;
    const same = report.one(":scope > .same", found);
    if (same) same.open = true;
    if (found.matches(".output")) report.choose?.(found, way);
    report.setCurrent?.(article);
    const isFirst = found === (article && report.one(".output", article));
    (isFirst ? article : found).scrollIntoView({block: "start"});
  };

  report.address = (output, way) => {
    const name = `#${output.id}${way && way !== "side" ? `/${way}` : ""}`;
    try { history.replaceState(null, "", name); } catch { /* a page written into a frame has no address */ }
  };

  window.addEventListener("hashchange", () => report.follow());
  window.addEventListener("DOMContentLoaded", () => setTimeout(report.follow));
})(window.ComfyReport);
