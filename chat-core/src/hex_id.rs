/// Defines an id that is written as 16 hexadecimal digits, from the first bytes of a hash.
macro_rules! hex_id {
    ($(#[$attribute:meta])* $name:ident, $what:literal, $hash_of:literal) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(u64);

        impl $name {
            #[doc = concat!("Creates an id from the first bytes of a hash of ", $hash_of, ".")]
            pub const fn from_hash(hash: [u8; 8]) -> Self {
                Self(u64::from_be_bytes(hash))
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::ParseError;

            fn from_str(text: &str) -> Result<Self, crate::ParseError> {
                let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                let form = "16 hexadecimal digits";
                match u64::from_str_radix(text, 16) {
                    Ok(id) if digits => Ok(Self(id)),
                    _ => Err(crate::ParseError::Form { what: $what, form }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::ParseError;

            fn try_from(text: String) -> Result<Self, crate::ParseError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }
    };
}

pub(crate) use hex_id;
