//! The text of messages of other systems.

use std::collections::HashMap;

/// Rewrites the markup of Slack: mentions, links, entities, emoji, and what is bold or struck through. Code stays as it is,
/// but for the entities. `names` are those of users and rooms, by id.
pub(super) fn from_slack(text: &str, names: &HashMap<String, String>) -> String {
    outside_code(text, |part| with_emoji(&prose(part, names)), entities)
}

/// Rewrites text and code, which stands between backticks.
pub(super) fn outside_code(
    text: &str,
    rewrite: impl Fn(&str) -> String,
    rewrite_code: impl Fn(&str) -> String,
) -> String {
    let mut written = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            written.push('`');
        }
        written += &if index % 2 == 0 { rewrite(part) } else { rewrite_code(part) };
    }
    written
}

/// Replaces the short names of emoji, as in `:tada:`, by the emoji. What is none stays.
pub(super) fn with_emoji(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(':') {
        written += before;
        // With a tone of skin, as in `:+1::skin-tone-3:`.
        let toned = after.split_once("::skin-tone-").and_then(|(name, behind)| {
            let (tone, behind) = behind.split_once(':')?;
            Some((&after[..name.len() + "::skin-tone-".len() + tone.len()], behind))
        });
        let toned = toned.filter(|(name, _)| emoji(name).is_some());
        match toned.or_else(|| after.split_once(':')) {
            Some((name, behind)) if let Some(emoji) = emoji(name) => {
                written += &emoji;
                rest = behind;
            }
            _ => {
                written.push(':');
                rest = after;
            }
        }
    }
    written + rest
}

/// Returns the emoji with a short name, also one with a tone of skin: `+1::skin-tone-3`.
pub(super) fn emoji(name: &str) -> Option<String> {
    let (name, tone) = name.split_once("::").unwrap_or((name, ""));
    let found = emojis::get_by_shortcode(name).or_else(|| emojis::get_by_shortcode(other(name)))?;
    let tone = match tone {
        "skin-tone-2" => Some(emojis::SkinTone::Light),
        "skin-tone-3" => Some(emojis::SkinTone::MediumLight),
        "skin-tone-4" => Some(emojis::SkinTone::Medium),
        "skin-tone-5" => Some(emojis::SkinTone::MediumDark),
        "skin-tone-6" => Some(emojis::SkinTone::Dark),
        _ => None,
    };
    let toned = tone.and_then(|tone| found.with_skin_tone(tone)).unwrap_or(found);
    Some(toned.as_str().to_owned())
}

/// Names that other systems have for emoji of another name.
fn other(name: &str) -> &str {
    match name {
        "simple_smile" | "slightly_smiling_face" => "slightly_smiling_face",
        "thumbsup_all" => "+1",
        "hugging_face" => "hugs",
        "face_with_rolling_eyes" => "roll_eyes",
        "thinking_face" => "thinking",
        "the_horns" | "sign_of_the_horns" => "metal",
        "white_frowning_face" => "frowning_face",
        "upside_down_face" => "upside_down_face",
        "party_popper" => "tada",
        "large_blue_circle" => "large_blue_circle",
        "heavy_heart_exclamation_mark_ornament" => "heavy_heart_exclamation",
        "raised_hand_with_fingers_splayed" => "raised_hand_with_fingers_splayed",
        "man-shrugging" => "man_shrugging",
        "woman-shrugging" => "woman_shrugging",
        "man-facepalming" => "man_facepalming",
        "woman-facepalming" => "woman_facepalming",
        "knife_fork_plate" => "plate_with_cutlery",
        other => other,
    }
}

fn prose(text: &str, names: &HashMap<String, String>) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        written += &marked(&entities(before));
        match after.split_once('>') {
            Some((inside, behind)) => {
                written += &reference(inside, names);
                rest = behind;
            }
            None => {
                written.push('<');
                rest = after;
            }
        }
    }
    written + &marked(&entities(rest))
}

/// Rewrites what stands between `<` and `>`.
fn reference(inside: &str, names: &HashMap<String, String>) -> String {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(entities(label))),
        None => (inside, None),
    };
    let named = |id: &str| names.get(id).cloned().or_else(|| label.clone());
    if let Some(id) = target.strip_prefix('@') {
        return format!("@{}", named(id).unwrap_or_else(|| id.to_owned()));
    }
    if let Some(id) = target.strip_prefix('#') {
        return format!("#{}", named(id).unwrap_or_else(|| id.to_owned()));
    }
    if let Some(special) = target.strip_prefix('!') {
        let word = special.split('^').next().unwrap_or(special);
        return label.unwrap_or_else(|| format!("@{word}"));
    }
    let target = entities(target);
    match label {
        Some(label) if target.strip_prefix("mailto:") == Some(&label) => label,
        Some(label) if label != target => format!("[{label}]({target})"),
        _ => target,
    }
}

fn entities(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Doubles the marks of what is bold or struck through: `*so*` and `~so~`.
fn marked(text: &str) -> String {
    doubled(&doubled(text, '*'), '~')
}

/// Doubles a mark where it begins and ends words on one line.
fn doubled(text: &str, mark: char) -> String {
    let characters: Vec<char> = text.chars().collect();
    let is_word = |at: Option<&char>| at.is_some_and(|it| it.is_alphanumeric() || *it == mark);
    let is_space = |at: Option<&char>| at.is_none_or(|it| it.is_whitespace());
    let opens = |at: usize| {
        characters[at] == mark
            && !is_space(characters.get(at + 1))
            && characters.get(at + 1) != Some(&mark)
            && !is_word(at.checked_sub(1).and_then(|before| characters.get(before)))
    };
    let closes = |at: usize| {
        characters[at] == mark
            && !is_space(characters.get(at - 1))
            && !is_word(characters.get(at + 1))
    };
    let (mut written, mut at) = (String::with_capacity(text.len() + 8), 0);
    while at < characters.len() {
        let end = opens(at).then(|| {
            let line = characters[at + 1..].iter().position(|it| *it == '\n');
            let last = line.map_or(characters.len(), |length| at + 1 + length);
            (at + 2..last).find(|end| closes(*end))
        });
        match end.flatten() {
            Some(end) => {
                written.extend([mark, mark]);
                written.extend(&characters[at + 1..end]);
                written.extend([mark, mark]);
                at = end + 1;
            }
            None => {
                written.push(characters[at]);
                at += 1;
            }
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_markup_of_slack_becomes_that_of_this_chat() {
        let names = HashMap::from([("U1".into(), "Ada L.".into()), ("C1".into(), "rust".into())]);
        for (slack, here) in [
            ("plain", "plain"),
            ("<@U1> in <#C1|old-name>, <@U9>, <@U9|eve>", "@Ada L. in #rust, @U9, @eve"),
            ("<!here> <!channel> <!subteam^S1|@team>", "@here @channel @team"),
            ("<https://a.example/?a=1&amp;b=2>", "https://a.example/?a=1&b=2"),
            ("see <https://a.example|the docs>", "see [the docs](https://a.example)"),
            ("<https://a.example|https://a.example>", "https://a.example"),
            ("<mailto:ada@a.example|ada@a.example>", "ada@a.example"),
            ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
            ("&amp;lt;", "&lt;"),
            ("*bold* _it_ ~gone~ 2*3*4 a*b", "**bold** _it_ ~~gone~~ 2*3*4 a*b"),
            ("*two words*, and * not *", "**two words**, and * not *"),
            ("*over\nlines*", "*over\nlines*"),
            ("`*code* &lt;:tada:` *b*", "`*code* <:tada:` **b**"),
            (":tada: 10:30:45 :no_such_one: :+1::skin-tone-3:", "🎉 10:30:45 :no_such_one: 👍🏼"),
            ("open < and `tick", "open < and `tick"),
            ("", ""),
        ] {
            assert_eq!(from_slack(slack, &names), here, "{slack}");
        }
    }

    #[test]
    fn emoji_have_the_names_of_other_systems() {
        for (name, shown) in [
            ("thumbsup", Some("👍")),
            ("+1::skin-tone-6", Some("👍🏿")),
            ("thinking_face", Some("🤔")),
            ("heart", Some("❤️")),
            ("heart::skin-tone-2", Some("❤️")),
            ("our_logo", None),
            ("", None),
        ] {
            assert_eq!(emoji(name).as_deref(), shown, "{name}");
        }
    }
}
