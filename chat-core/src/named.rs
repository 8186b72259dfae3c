/// Defines an enum whose values have names: its text in JSON and in stores. Any other text is refused.
macro_rules! named {
    (
        $(#[$attribute:meta])*
        $name:ident, $what:literal, $form:literal:
        $($(#[$variant_attribute:meta])* $variant:ident = $text:literal,)+
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $name {
            $($(#[$variant_attribute])* $variant,)+
        }

        impl $name {
            /// All values, in their order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let named = Self::ALL.iter().find(|one| one.as_str() == text);
                named.copied().ok_or(ParseError::Form { what: $what, form: $form })
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseError;

            fn try_from(text: String) -> Result<Self, ParseError> {
                text.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(named: $name) -> Self {
                named.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use named;
