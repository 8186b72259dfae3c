// The texts of views that are loaded when they are needed, in English.

export default {
  closeDialog: "Close",
  link: "Link",
  copyLink: "Copy link",
  linkAsPicture: "The link as a QR code",

  devices: "Your devices",
  deviceWithoutName: "A device without a name",
  thisDevice: "This device",
  lastUsed: "Last used {time}",
  remove: "Remove",
  removeSure: "Remove it?",
  useOnOther: "Use on another device",
  deviceCodeExplained: "Open the link on the other device, scan the picture, or type the code there. It works once, until {time}. Whoever has it is you: give it to nobody.",
  deviceCodeWrong: "This code is wrong, was used, or is too old. Get another one.",
  signOut: "Sign out",
  signOutSure: "Sign out of this device?",
  signOutExplained: "When you sign out, nothing of yours stays in this browser, nor what waits to be sent.",
  signOutLast: "This is your only device. When you sign out, nothing of yours stays in this browser, and you cannot come back as the same person.",
  signOutOthers: "Sign out all other devices",
  signOutOthersSure: "Sign out all others?",

  linkTitle: "Use this device as well?",
  linkExplained: "It becomes one of the devices of whoever has made the code: with the same name and private messages.",
  linkForgets: "You are {name} here. This browser forgets that, and what waits to be sent.",
  codeOfDevice: "Code of the other device",
  nameOfDevice: "What you call this device",
  linkIt: "Use this device",

  invitation: "Invitation",

  signIn: "Sign in first",
  signInMissing: "This chat is for people who have signed in elsewhere. Open it from there.",
  signInExpired: "You have been signed in for as long as you may. Open the chat again from where you sign in.",
  signInRefused: "You have signed in for something else, or this chat does not accept it any more. Open it again from where you sign in.",
  signInAgain: "Try again",
};
