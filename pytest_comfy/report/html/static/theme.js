// Dark or light: as the system has it, until the reader chooses.
(report => {
  const root = document.documentElement;
  const button = report.one("[data-do='theme']");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;

  function show() {
    button.textContent = isDark() ? "Light" : "Dark";
  }

  report.actions.theme = () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    report.remember("theme", root.dataset.theme);
    show();
  };

  const kept = report.remembered("theme");
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  system.addEventListener("change", show);
  show();
})(window.ComfyReport);
