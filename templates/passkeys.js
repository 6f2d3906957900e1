/* Passkeys. Without this, no button for them is shown. */
(function () {
  "use strict";
  var forms = document.querySelectorAll("form[data-passkey]");
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  function toBytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (sign) { return sign.charCodeAt(0); });
  }

  function toText(buffer) {
    var plain = "";
    new Uint8Array(buffer).forEach(function (byte) { plain += String.fromCharCode(byte); });
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function read(form) {
    var options = JSON.parse(form.getAttribute("data-options"));
    var named = (options.allowCredentials || []).concat(options.excludeCredentials || []);
    named.forEach(function (one) { one.id = toBytes(one.id); });
    options.challenge = toBytes(options.challenge);
    if (options.user) options.user.id = toBytes(options.user.id);
    return options;
  }

  /* What the authenticator said, as the server reads it. */
  function write(credential) {
    var said = credential.response;
    var response = {};
    ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]
      .forEach(function (name) { if (said[name]) response[name] = toText(said[name]); });
    return JSON.stringify({
      id: credential.id, rawId: toText(credential.rawId), type: credential.type, response: response
    });
  }

  function prepare(form) {
    var button = form.querySelector("button");
    var isNew = form.getAttribute("data-passkey") === "create";
    var keep = document.getElementById("keep");
    var since = Date.now();
    var waiting = null;

    function isLate() {
      return Date.now() - since > 1000 * form.getAttribute("data-begins");
    }

    function send(credential) {
      form.elements.credential.value = write(credential);
      if (keep && form.elements.keep) form.elements.keep.disabled = !keep.checked;
      form.submit();
    }

    /* A challenge is valid for some minutes only: another one, from the same page. */
    function renew() {
      return fetch(form.getAttribute("data-again"), { credentials: "same-origin" })
        .then(function (answer) { return answer.text(); })
        .then(function (html) {
          var page = new DOMParser().parseFromString(html, "text/html");
          var other = page.querySelector("form[data-passkey]");
          form.setAttribute("data-options", other.getAttribute("data-options"));
          form.elements.challenge.value = other.elements.challenge.value;
          since = Date.now();
        });
    }

    function stop() {
      if (waiting) waiting.abort();
      waiting = null;
    }

    /* The browser offers passkeys in the list below the field for the name. */
    function offer() {
      var field = document.querySelector("input[autocomplete~=webauthn]");
      var can = PublicKeyCredential.isConditionalMediationAvailable;
      if (isNew || !field || !can) return;
      can.call(PublicKeyCredential).then(function (available) {
        if (!available || waiting) return;
        var mine = waiting = new AbortController();
        var options = { publicKey: read(form), mediation: "conditional", signal: mine.signal };
        navigator.credentials.get(options).then(send, function () {
          if (waiting === mine) waiting = null;
        });
      });
    }

    function ask() {
      var options = { publicKey: read(form) };
      return isNew ? navigator.credentials.create(options) : navigator.credentials.get(options);
    }

    function say(what) {
      Array.prototype.forEach.call(form.querySelectorAll("[data-says]"), function (text) {
        text.hidden = text.getAttribute("data-says") !== what;
      });
    }

    function fail(error) {
      button.disabled = false;
      say(error && error.name === "InvalidStateError" ? "known" : "failed");
      offer();
    }

    button.addEventListener("click", function () {
      /* The server decides whether there may be a new passkey now, and shows the page again. */
      if (isNew && (isLate() || !form.hasAttribute("data-options"))) {
        form.submit();
        return;
      }
      button.disabled = true;
      say(null);
      stop();
      (isLate() ? renew().then(ask) : ask()).then(send, fail);
    });
    window.addEventListener("pageshow", function () { button.disabled = false; });
    setInterval(function () {
      if (isNew || !waiting || document.hidden || !isLate()) return;
      stop();
      renew().then(offer, offer);
    }, 10000);
    form.hidden = false;
    offer();
  }

  Array.prototype.forEach.call(forms, prepare);
})();
