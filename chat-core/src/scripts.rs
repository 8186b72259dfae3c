//! Detects words that mix scripts so that they can be confused with others.

use unicode_script::{Script, ScriptExtension, UnicodeScript};
use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::skeleton;

/// Returns whether each word is in one script, or mixes only scripts that people do mix when they write.
pub(crate) fn are_plain(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || is_inherited(c);
    text.split(|c| !is_part(c)).filter(|word| !word.is_ascii()).all(is_plain)
}

fn is_inherited(c: char) -> bool {
    c.script_extension() == ScriptExtension::from(Script::Inherited)
}

/// The level "moderately restrictive" of UTS 39; in addition, a word of two scripts must not look like a word of one.
fn is_plain(word: &str) -> bool {
    let (mut all, mut but_latin) = (AugmentedScriptSet::default(), AugmentedScriptSet::default());
    for c in word.chars() {
        let scripts = AugmentedScriptSet::from(c);
        all.intersect_with(scripts);
        if !scripts.base.contains_script(Script::Latin) {
            but_latin.intersect_with(scripts);
        }
    }
    if !all.is_empty() || but_latin.jpan || but_latin.hanb || but_latin.kore {
        return true;
    }
    let mut others = but_latin.base.iter();
    let other = others.next().filter(|_| others.next().is_none());
    let is_mixed = other.is_some_and(|script| {
        script.is_recommended() && script != Script::Cyrillic && script != Script::Greek
    });
    is_mixed && AugmentedScriptSet::for_str(&skeleton(word).collect::<String>()).is_empty()
}
