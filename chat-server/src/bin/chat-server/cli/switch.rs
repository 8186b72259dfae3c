//! Options that switch something on.

/// Reads whether a variable of the environment switches something on. One that is empty does not.
pub(super) fn switched(text: &str) -> Result<bool, &'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "0" | "f" | "false" | "n" | "no" | "off" => Ok(false),
        "1" | "on" | "t" | "true" | "y" | "yes" => Ok(true),
        _ => Err("it is true or false"),
    }
}
