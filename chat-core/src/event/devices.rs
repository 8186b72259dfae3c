use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::arguments::{Arguments, invalid};
use crate::hex_id::hex_id;
use crate::visible::is_visible;
use crate::{ParseError, Refusal, RefusalCode, Timestamp};

/// The name that a user gives to a device: 1 to 64 characters, all visible, without white space at either end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceLabel(Box<str>);

impl DeviceLabel {
    /// The maximum length in characters (Unicode scalar values).
    pub const MAX_CHARACTERS: usize = 64;

    /// Creates a label from text that was read back from a store. The text is not checked.
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DeviceLabel {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        const WHAT: &str = "the name of a device";
        let (characters, max) = (text.chars().count(), Self::MAX_CHARACTERS);
        match characters {
            0 => return Err(ParseError::Empty { what: WHAT }),
            _ if characters > max => {
                return Err(ParseError::TooManyCharacters { what: WHAT, characters, max });
            }
            _ => {}
        }
        if !is_visible(&text) {
            return Err(ParseError::Hidden { what: WHAT });
        }
        if text.trim() != text {
            return Err(ParseError::SurroundingSpace { what: WHAT });
        }
        Ok(Self(text.into()))
    }
}

impl From<DeviceLabel> for String {
    fn from(label: DeviceLabel) -> Self {
        label.0.into()
    }
}

/// A code with which a user adds a device: ten letters and digits of [Crockford's
/// Base32](https://www.crockford.com/base32.html), shown with a hyphen in the middle.
///
/// Reading it ignores case, hyphens and spaces, and takes `O` for `0`, and `I` and `L` for `1`. `Debug` does not show
/// it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkCode([u8; LinkCode::LENGTH]);

impl LinkCode {
    /// The number of letters and digits.
    pub const LENGTH: usize = 10;

    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /// Creates a code from random bytes.
    pub fn from_random(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes.map(|byte| Self::DIGITS[usize::from(byte % 32)]))
    }
}

impl FromStr for LinkCode {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut digits = text.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
        let mut code = [0; Self::LENGTH];
        let wrong = || ParseError::Form { what: "a code", form: "ten letters and digits" };
        for digit in &mut code {
            let read = match digits.next().ok_or_else(wrong)?.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                read => read,
            };
            *digit = Some(read).filter(|read| Self::DIGITS.contains(read)).ok_or_else(wrong)?;
        }
        if digits.next().is_some() { Err(wrong()) } else { Ok(Self(code)) }
    }
}

impl TryFrom<String> for LinkCode {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<LinkCode> for String {
    fn from(code: LinkCode) -> Self {
        code.to_string()
    }
}

impl fmt::Display for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(Self::LENGTH / 2);
        write!(f, "{}-{}", first.escape_ascii(), second.escape_ascii())
    }
}

impl fmt::Debug for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkCode(…)")
    }
}

/// The answer to [`DEVICE_CODE`](super::DEVICE_CODE).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DeviceCode {
    /// The code to enter on the other device, once.
    pub code: LinkCode,
    /// When it stops being valid, in milliseconds since 1970.
    pub expires_at: Timestamp,
}

impl DeviceCode {
    /// Creates an answer.
    pub fn new(code: LinkCode, expires_at: Timestamp) -> Self {
        Self { code, expires_at }
    }
}

/// The arguments of [`LINK_DEVICE`](super::LINK_DEVICE).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkDevice {
    /// The code that the user's other device shows.
    pub code: LinkCode,
    /// What the user calls this device; none if it has no name.
    pub label: Option<DeviceLabel>,
}

impl LinkDevice {
    /// Reads `emit("link device", code, { label })` from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const OPTIONS: &str = "the second argument must be options such as { label: \"phone\" }";
        let arguments = Arguments::of(json)?;
        let code: String =
            arguments.required(1, "the first argument must be the code of another device")?;
        let code =
            code.parse().map_err(|error| Refusal::invalid(RefusalCode::InvalidCode, error))?;
        let options = arguments.options(2, OPTIONS)?;
        let label: Option<String> = options.field("label", "`label` must be a text")?;
        let label = label.map(DeviceLabel::try_from).transpose();
        let label =
            label.map_err(|error| Refusal::invalid(RefusalCode::InvalidArguments, error))?;
        Ok(Self { code, label })
    }
}

/// The answer to [`DEVICES`](super::DEVICES).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Devices {
    /// The devices of the user, the one used last first.
    pub devices: Vec<Device>,
}

impl Devices {
    /// Creates an answer.
    pub fn new(devices: Vec<Device>) -> Self {
        Self { devices }
    }
}

/// A device of a user, which has a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Device {
    /// Identifies it among the devices of the user.
    pub id: DeviceId,
    /// What the user calls it; `null` if it has no name.
    pub label: Option<DeviceLabel>,
    /// When it was added, in milliseconds since 1970.
    pub added_at: Timestamp,
    /// When it was last used, in milliseconds since 1970, to the hour.
    pub used_at: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl Device {
    /// Creates an item of the list.
    pub fn new(
        id: DeviceId,
        label: Option<DeviceLabel>,
        (added_at, used_at): (Timestamp, Timestamp),
        current: bool,
    ) -> Self {
        Self { id, label, added_at, used_at, current }
    }
}

hex_id! {
    /// Identifies a device among those of its user. Written as 16 hexadecimal digits.
    DeviceId, "the id of a device", "the device's token"
}

impl DeviceId {
    /// Reads `emit("unlink device", id)` from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const ID: &str = "the first argument must be the id of a device, from the list of devices";
        let id: String = Arguments::of(json)?.required(1, ID)?;
        id.parse().map_err(|_| invalid(ID))
    }
}

/// The answer to [`UNLINK_DEVICE`](super::UNLINK_DEVICE).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unlinked {
    /// The device.
    pub id: DeviceId,
}

impl Unlinked {
    /// Creates an answer.
    pub fn new(id: DeviceId) -> Self {
        Self { id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_write_them() {
        let code = LinkCode::from_random([0, 1, 2, 30, 31, 32, 100, 200, 254, 255]);
        let text = code.to_string();
        assert_eq!((text.len(), &text[5..6]), (11, "-"));
        for written in [
            text.clone(),
            text.to_lowercase(),
            text.replace('-', ""),
            text.replace('-', " "),
            text.replace('0', "o").replace('1', "l"),
            text.replace('1', "I"),
        ] {
            assert_eq!(written.parse(), Ok(code.clone()), "{written}");
        }
        for wrong in ["", "ABCDE-FGHJ", "ABCDE-FGHJKM", "ABCDE-FGHJU", "ABCDÉ-FGHJK", "-"] {
            assert!(wrong.parse::<LinkCode>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_read_is_refused_with_a_reason() {
        let read = |json: &str| LinkDevice::from_event(json).map_err(|refusal| refusal.code);
        let linked = read(r#"["link device","abcde-fghjk",{"label":"Ada's phone 😀"}]"#).unwrap();
        assert_eq!(linked.label.unwrap().as_str(), "Ada's phone 😀");
        assert!(read(r#"["link device","ABCDEFGHJK"]"#).is_ok_and(|read| read.label.is_none()));
        for (json, code) in [
            (r#"["link device"]"#, RefusalCode::InvalidArguments),
            (r#"["link device",5]"#, RefusalCode::InvalidArguments),
            (r#"["link device","x"]"#, RefusalCode::InvalidCode),
            (r#"["link device","ABCDEFGHJK",{"label":" x"}]"#, RefusalCode::InvalidArguments),
            (r#"["link device","ABCDEFGHJK",{"label":""}]"#, RefusalCode::InvalidArguments),
            (r#"["link device","ABCDEFGHJK","phone"]"#, RefusalCode::InvalidArguments),
        ] {
            assert_eq!(read(json), Err(code), "{json}");
        }
        assert!(DeviceId::from_event(r#"["unlink device","00000000000000ff"]"#).is_ok());
        for json in
            [r#"["unlink device"]"#, r#"["unlink device","ff"]"#, r#"["x","+000000000000001"]"#]
        {
            assert!(DeviceId::from_event(json).is_err(), "{json}");
        }
    }
}
