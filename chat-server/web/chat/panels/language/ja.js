// The texts of views that are loaded when they are needed, in Japanese.

export default {
  closeDialog: "閉じる",
  link: "リンク",
  copyLink: "リンクをコピー",
  linkAsPicture: "リンクのQRコード",

  devices: "あなたの端末",
  deviceWithoutName: "名前のない端末",
  thisDevice: "この端末",
  lastUsed: "最終使用：{time}",
  remove: "削除",
  removeSure: "削除しますか？",
  useOnOther: "別の端末で使う",
  deviceCodeExplained: "別の端末でリンクを開くか、QRコードを読み取るか、コードを入力してください。{time}まで一度だけ使えます。これを持つ人はあなたとして扱われます。誰にも渡さないでください。",
  deviceCodeWrong: "コードが間違っているか、使用済みか、期限切れです。新しいコードを取得してください。",
  signOut: "サインアウト",
  signOutSure: "この端末からサインアウトしますか？",
  signOutExplained: "サインアウトすると、このブラウザーにはあなたの情報も送信待ちのメッセージも残りません。",
  signOutLast: "これはあなたの唯一の端末です。サインアウトすると、このブラウザーには何も残らず、同じ人として戻ることはできません。",
  signOutOthers: "ほかのすべての端末からサインアウト",
  signOutOthersSure: "ほかのすべてからサインアウトしますか？",

  linkTitle: "この端末でも使いますか？",
  linkExplained: "コードを作った人の端末の一つになり、同じ名前と個人メッセージを使います。",
  linkForgets: "ここでのあなたは{name}です。このブラウザーはそれを忘れ、送信待ちのメッセージも失われます。",
  codeOfDevice: "別の端末のコード",
  nameOfDevice: "この端末の呼び名",
  linkIt: "この端末を使う",

  invitation: "招待",

  signIn: "先にサインインしてください",
  signInMissing: "このチャットは、別の場所でサインインした人のためのものです。そこから開いてください。",
  signInExpired: "サインインの期限が切れました。サインインした場所からもう一度チャットを開いてください。",
  signInRefused: "このサインインはここでは使えないか、受け付けられなくなりました。サインインした場所からもう一度開いてください。",
  signInAgain: "再試行",
};
