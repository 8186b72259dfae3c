// Tells in a sentence that a browser is too old for the page, which would not even say so itself there. Written for such
// browsers.

(function () {
  var texts = {
    en: "This browser is too old for the chat. Please use a newer one.",
    zh: "此浏览器版本过旧，无法使用聊天。请使用较新的浏览器。",
    ja: "このブラウザーは古いため、チャットを利用できません。新しいブラウザーをお使いください。",
    ar: "هذا المتصفح قديم جدًا ولا يمكنه تشغيل الدردشة. يُرجى استخدام متصفح أحدث.",
  };
  var isNew =
    "noModule" in document.createElement("script") &&
    "HTMLDialogElement" in window &&
    "toSorted" in Array.prototype &&
    "canParse" in URL &&
    "Segmenter" in Intl &&
    CSS.supports("color", "light-dark(red, red)");
  if (isNew) return;
  var notice = document.getElementById("old");
  notice.textContent = texts[navigator.language.slice(0, 2)] || texts.en;
  notice.hidden = false;
})();
