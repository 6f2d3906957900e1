/* Everything works without this. */
(function () {
  "use strict";

  /* A password that one can look at. */
  function addToggle(box) {
    var input = box.querySelector("input");
    var button = document.createElement("button");
    function show(shown) {
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", shown ? "true" : "false");
    }
    button.type = "button";
    button.textContent = box.getAttribute("data-show");
    button.setAttribute("aria-label", box.getAttribute("data-show-label"));
    button.setAttribute("aria-controls", input.id);
    button.addEventListener("click", function () {
      show(input.type === "password");
      input.focus();
    });
    /* Browsers remember what was typed into a text field. */
    input.form.addEventListener("submit", function () { show(false); });
    show(false);
    box.appendChild(button);
  }

  /* An address that one can take along. */
  function addCopy(box) {
    var input = box.querySelector("input");
    var button = document.createElement("button");
    function copied() {
      button.textContent = box.getAttribute("data-copied");
    }
    function select() {
      input.focus();
      input.select();
      if (document.execCommand("copy")) copied();
    }
    button.type = "button";
    button.textContent = box.getAttribute("data-copy");
    button.setAttribute("aria-live", "polite");
    button.setAttribute("aria-controls", input.id);
    button.addEventListener("click", function () {
      if (navigator.clipboard) navigator.clipboard.writeText(input.value).then(copied, select);
      else select();
    });
    box.appendChild(button);
  }

  /* A second click sends nothing while the first is on its way. */
  function sendOnce(form) {
    var sent = false;
    form.addEventListener("submit", function (event) {
      if (sent) {
        event.preventDefault();
        return;
      }
      sent = true;
      /* An answer may go to an app beside the browser: this page stays then. */
      setTimeout(function () { sent = false; }, 4000);
    });
    window.addEventListener("pageshow", function () { sent = false; });
  }

  /* An instant in the time zone of this browser. That of the server stays beside the pointer. */
  function sayHere(time) {
    var instant = new Date(time.getAttribute("datetime"));
    var page = document.documentElement.lang;
    /* The kind of the page's language that the browser reads: 21 November, or November 21. */
    var tags = (navigator.languages || []).filter(function (tag) {
      return tag.split("-")[0] === page;
    });
    var text = new Intl.DateTimeFormat(tags.concat(page), {
      year: "numeric", month: "long", day: "numeric",
      hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short"
    }).format(instant);
    time.title = time.textContent;
    time.textContent = text;
  }

  /* People are found while one types. The page is loaded anew, so what is typed until then is kept. */
  function searchWhileTyping(input) {
    var key = "mapae-" + input.id;
    var asked = input.value;
    var timer;
    function search() {
      var form = input.form;
      var query = new URLSearchParams(new FormData(form));
      asked = input.value;
      location.replace(form.action + "?" + query.toString());
    }
    function later() {
      clearTimeout(timer);
      sessionStorage.setItem(key, input.value);
      if (input.value !== asked) timer = setTimeout(search, 350);
    }
    var typed = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    input.addEventListener("input", later);
    if (typed === null) return;
    input.value = typed;
    input.focus();
    input.setSelectionRange(typed.length, typed.length);
    if (typed !== asked) later();
  }

  /* New events come by themselves, while somebody looks and reads nothing closer. */
  function follow(link) {
    setInterval(function () {
      var isRead = document.querySelector(".things details[open]") || String(getSelection());
      if (!document.hidden && !isRead) location.replace(link.href);
    }, 5000);
  }

  /* What is wrong may stand below the end of a small screen: that of the field with the focus. */
  function showProblem() {
    var field = document.querySelector(".alert[autofocus], [aria-invalid][autofocus]");
    if (!field) return;
    var said = document.getElementById((field.getAttribute("aria-describedby") || "").split(" ").pop());
    var box = (said || field).getBoundingClientRect();
    if (box.top >= 0 && box.bottom <= window.innerHeight) return;
    (said || field).scrollIntoView({ block: "center" });
  }

  Array.prototype.forEach.call(document.querySelectorAll(".secret"), addToggle);
  Array.prototype.forEach.call(document.querySelectorAll(".copy"), addCopy);
  Array.prototype.forEach.call(document.forms, sendOnce);
  if (window.Intl) Array.prototype.forEach.call(document.querySelectorAll("time"), sayHere);
  var searched = document.getElementById("admin-search");
  var followed = document.getElementById("audit-refresh");
  if (searched && window.URLSearchParams && window.FormData) searchWhileTyping(searched);
  if (followed) follow(followed);
  showProblem();
  /* The browser may have scrolled to the field meanwhile. */
  window.addEventListener("load", showProblem);
})();
