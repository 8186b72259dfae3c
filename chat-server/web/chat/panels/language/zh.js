// The texts of views that are loaded when they are needed, in Chinese.

export default {
  closeDialog: "关闭",
  link: "链接",
  copyLink: "复制链接",
  linkAsPicture: "链接的二维码",

  devices: "你的设备",
  deviceWithoutName: "未命名的设备",
  thisDevice: "此设备",
  lastUsed: "上次使用：{time}",
  remove: "移除",
  removeSure: "确定移除？",
  useOnOther: "在另一台设备上使用",
  deviceCodeExplained: "在另一台设备上打开链接、扫描二维码，或输入代码。代码只能使用一次，有效期至 {time}。谁拿到它，谁就能以你的身份登录：请勿交给他人。",
  deviceCodeWrong: "代码有误、已被使用或已过期。请重新获取。",
  signOut: "退出登录",
  signOutSure: "退出此设备？",
  signOutExplained: "退出后，此浏览器中不会留下你的任何内容，等待发送的消息也会丢失。",
  signOutLast: "这是你唯一的设备。退出后，此浏览器中不会留下你的任何内容，你也无法再以同一身份回来。",
  signOutOthers: "退出所有其他设备",
  signOutOthersSure: "退出所有其他设备？",

  linkTitle: "也在此设备上使用？",
  linkExplained: "此设备将成为代码创建者的设备之一，使用相同的名字和私信。",
  linkForgets: "你在这里的名字是{name}。此浏览器会忘记它，以及等待发送的消息。",
  codeOfDevice: "另一台设备的代码",
  nameOfDevice: "此设备的名称",
  linkIt: "使用此设备",

  invitation: "邀请",

  signIn: "请先登录",
  signInMissing: "此聊天仅供已在别处登录的人使用。请从那里打开。",
  signInExpired: "你的登录已过期。请从登录的地方重新打开聊天。",
  signInRefused: "此登录不适用于这里，或已不再被接受。请从登录的地方重新打开。",
  signInAgain: "重试",
};
