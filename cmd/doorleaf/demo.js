"use strict";
// Refreshes the glasses every second without reloading the page.
setInterval(() => {
  for (const img of document.querySelectorAll("[data-glass]")) {
    img.src = "/glass/" + img.dataset.glass + ".png?v=" + Date.now();
  }
}, 1000);
