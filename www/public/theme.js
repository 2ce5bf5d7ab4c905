// Before the first paint: the remembered theme and language, so that a page never flashes in the other one.
// Classic and separate, because the pages allow no inline script.
(() => {
  try {
    const theme = localStorage.getItem("keyveil.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    const language = localStorage.getItem("keyveil.language");
    if (language === "zh" || (language === null && navigator.language.toLowerCase().startsWith("zh")))
      document.documentElement.lang = "zh-CN";
  } catch {
    // Storage may be forbidden; then the system's choice stands.
  }
})();
