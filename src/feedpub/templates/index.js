"use strict";
{
  const told = document.getElementById("told");
  const pattern = document.getElementById("copy").content.firstElementChild;
  let silence;

  const tell = (sentence) => {
    clearTimeout(silence);
    told.textContent = "";
    // A moment later, so that the same sentence is heard a second time.
    setTimeout(() => { told.textContent = sentence; }, 50);
    silence = setTimeout(() => { told.textContent = ""; }, 8000);
  };

  const copy = async (field, button) => {
    try {
      await navigator.clipboard.writeText(field.value);
      return true;
    } catch {
      // No permission, or a site without https: the old way, which needs the text selected.
      field.focus();
      field.select();
      const done = document.execCommand("copy");
      if (done) button.focus();
      return done;
    }
  };

  for (const field of document.querySelectorAll(".address")) {
    const what = field.getAttribute("aria-label");
    const button = pattern.cloneNode(true);
    button.setAttribute("aria-label", button.dataset.what.replace("{what}", () => what));
    button.addEventListener("click", async () => {
      const done = await copy(field, button);
      tell(done ? button.dataset.copied.replace("{what}", () => what) : button.dataset.notCopied);
    });
    field.addEventListener("click", () => {
      if (field.selectionStart === field.selectionEnd) field.select();
    });
    field.after(" ", button);
  }

  // As people compare names: no width, no case, hiragana for katakana.
  const plain = (text) => text.normalize("NFKC").toLowerCase()
    .replace(/[ァ-ヶ]/g, (kana) => String.fromCharCode(kana.charCodeAt(0) - 0x60));

  for (const box of document.querySelectorAll(".filter")) {
    const field = box.querySelector("input");
    const count = box.querySelector("output");
    const feeds = Array.from(box.parentElement.querySelectorAll(".feed"),
      (feed) => ({ feed, name: plain(feed.querySelector("h3").textContent) })).reverse();
    const narrow = () => {
      const wanted = plain(field.value.trim());
      let found = 0;
      for (const { feed, name } of feeds) { // from the innermost: what holds one that is meant stays too
        const meant = name.includes(wanted);
        found += meant;
        feed.hidden = !meant && !feed.querySelector(".feed:not([hidden])");
      }
      count.textContent = wanted && count.dataset.found.replace("{found}", found).replace("{all}", feeds.length);
    };
    field.addEventListener("input", narrow);
    box.hidden = false;
    narrow(); // a browser that goes back brings what was typed
  }
}
