// The texts of views that are loaded when they are needed, in Arabic.

export default {
  closeDialog: "إغلاق",
  link: "الرابط",
  copyLink: "نسخ الرابط",
  linkAsPicture: "الرابط على شكل رمز QR",

  devices: "أجهزتك",
  deviceWithoutName: "جهاز بلا اسم",
  thisDevice: "هذا الجهاز",
  lastUsed: "آخر استخدام: {time}",
  remove: "إزالة",
  removeSure: "تأكيد الإزالة؟",
  useOnOther: "الاستخدام على جهاز آخر",
  deviceCodeExplained: "افتح الرابط على الجهاز الآخر أو امسح الرمز أو اكتب الرمز النصي هناك. يصلح مرة واحدة حتى {time}. من يملكه يصبح أنت: لا تعطه لأحد.",
  deviceCodeWrong: "هذا الرمز خاطئ أو مستعمل أو قديم. احصل على غيره.",
  signOut: "تسجيل الخروج",
  signOutSure: "تسجيل الخروج من هذا الجهاز؟",
  signOutExplained: "عند تسجيل الخروج لا يبقى شيء لك في هذا المتصفح، ولا ما ينتظر الإرسال.",
  signOutLast: "هذا جهازك الوحيد. عند تسجيل الخروج لا يبقى شيء لك في هذا المتصفح، ولا يمكنك العودة بالهوية نفسها.",
  signOutOthers: "تسجيل خروج كل الأجهزة الأخرى",
  signOutOthersSure: "تسجيل خروج كل الأجهزة الأخرى؟",

  linkTitle: "استخدام هذا الجهاز أيضًا؟",
  linkExplained: "يصبح أحد أجهزة من أنشأ الرمز: بالاسم نفسه والرسائل الخاصة نفسها.",
  linkForgets: "أنت هنا {name}. ينسى هذا المتصفح ذلك، وما ينتظر الإرسال.",
  codeOfDevice: "رمز الجهاز الآخر",
  nameOfDevice: "بماذا تسمي هذا الجهاز",
  linkIt: "استخدام هذا الجهاز",

  invitation: "الدعوة",

  signIn: "سجّل الدخول أولًا",
  signInMissing: "هذه الدردشة لمن سجّلوا الدخول في مكان آخر. افتحها من هناك.",
  signInExpired: "انتهت صلاحية تسجيل دخولك. افتح الدردشة مجددًا من حيث تسجّل الدخول.",
  signInRefused: "تسجيل الدخول هذا لمكان آخر، أو لم يعد مقبولًا هنا. افتح الدردشة مجددًا من حيث تسجّل الدخول.",
  signInAgain: "إعادة المحاولة",
};
