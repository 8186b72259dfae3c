//! The text of messages of other systems.

use chat_core::Content;

use super::export::Names;

/// Maximum length in bytes of a text that is rewritten: longer ones cannot be stored.
const MAX_BYTES: usize = 2 * Content::MAX_BYTES;

/// Maximum length of the short name of an emoji.
const MAX_NAME: usize = 64;

/// Rewrites the markup of Slack: mentions, links, entities, emoji, and what is bold or struck through. In code there are only
/// mentions, links and entities.
pub(super) fn from_slack(text: &str, names: &Names) -> String {
    let prose = |part: &str| with_emoji(&references(part, names, marked));
    outside_code(text, prose, |code| references(code, names, str::to_owned))
}

/// Rewrites the mentions and emoji of Mattermost, whose other markup is that of this chat.
pub(super) fn from_mattermost(text: &str, names: &Names) -> String {
    outside_code(text, |part| with_emoji(&mentions(part, names)), str::to_owned)
}

/// Rewrites text and code, which stands between backticks. What is too long is cut.
fn outside_code(
    text: &str,
    rewrite: impl Fn(&str) -> String,
    rewrite_code: impl Fn(&str) -> String,
) -> String {
    let text = &text[..text.floor_char_boundary(MAX_BYTES)];
    let mut written = String::with_capacity(text.len());
    let mut parts = text.split('`').enumerate().peekable();
    while let Some((index, part)) = parts.next() {
        if index > 0 {
            written.push('`');
        }
        // The last backtick may have no other one.
        let is_code = index % 2 == 1 && parts.peek().is_some();
        written += &if is_code { rewrite_code(part) } else { rewrite(part) };
    }
    written
}

/// Replaces `@username` by `@nickname`.
fn mentions(text: &str, names: &Names) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('@') {
        written += before;
        written.push('@');
        let is_part = |it: char| it.is_ascii_alphanumeric() || "._-".contains(it);
        let end = after.find(|it| !is_part(it)).unwrap_or(after.len());
        // A name at the end of a sentence.
        let name = after[..end].trim_end_matches(['.', '-']);
        written += names.get(name).map_or(name, String::as_str);
        rest = &after[name.len()..];
    }
    written + rest
}

/// Replaces the short names of emoji, as in `:tada:`, by the emoji. What is none stays.
fn with_emoji(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(':') {
        written += before;
        let known = name_at(after).and_then(|name| {
            // With a tone of skin, as in `:+1::skin-tone-3:`.
            let toned = after[name.len()..].strip_prefix("::skin-tone-").and_then(|tone| {
                let (tone, _) = tone.get(..2).filter(|it| it.ends_with(':'))?.split_at(1);
                Some(format!("{name}::skin-tone-{tone}"))
            });
            let name = toned.as_deref().unwrap_or(name);
            Some((name.len(), emoji(name)?))
        });
        match known {
            Some((length, emoji)) => {
                written += &emoji;
                rest = &after[length + 1..];
            }
            None => {
                written.push(':');
                rest = after;
            }
        }
    }
    written + rest
}

/// Returns the short name that a text begins with, up to a colon.
fn name_at(text: &str) -> Option<&str> {
    let looked_at = &text[..text.floor_char_boundary(MAX_NAME)];
    looked_at.split_once(':').map(|(name, _)| name)
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

/// Returns the name that an emoji has here, of one that other systems call otherwise.
fn other(name: &str) -> &str {
    match name {
        "simple_smile" => "slightly_smiling_face",
        "thumbsup_all" => "+1",
        "hugging_face" => "hugs",
        "face_with_rolling_eyes" => "roll_eyes",
        "thinking_face" => "thinking",
        "the_horns" | "sign_of_the_horns" => "metal",
        "white_frowning_face" => "frowning_face",
        "party_popper" => "tada",
        "heavy_heart_exclamation_mark_ornament" => "heavy_heart_exclamation",
        "man-shrugging" => "man_shrugging",
        "woman-shrugging" => "woman_shrugging",
        "man-facepalming" => "man_facepalming",
        "woman-facepalming" => "woman_facepalming",
        "knife_fork_plate" => "plate_with_cutlery",
        other => other,
    }
}

/// Rewrites what stands between `<` and `>`, and the rest of a text.
fn references(text: &str, names: &Names, rewrite: impl Fn(&str) -> String) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        written += &rewrite(&entities(before));
        // A text has each of these as an entity, so there is one.
        let Some((inside, behind)) = after.split_once('>') else {
            written.push('<');
            rest = after;
            break;
        };
        written += &reference(inside, names);
        rest = behind;
    }
    written + &rewrite(&entities(rest))
}

/// Rewrites what stands between `<` and `>`.
fn reference(inside: &str, names: &Names) -> String {
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
    // Up to here there is none that closes.
    let mut unclosed = 0;
    while at < characters.len() {
        let mut end = None;
        if at >= unclosed && opens(at) {
            let is_end = |it: &usize| characters[*it] == '\n' || closes(*it);
            let found = (at + 2..characters.len()).find(is_end);
            end = found.filter(|it| characters[*it] != '\n');
            if end.is_none() {
                unclosed = found.unwrap_or(characters.len());
            }
        }
        match end {
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

    fn names() -> Names {
        [("U1", "Ada L."), ("C1", "rust"), ("ada", "Ada L.")]
            .into_iter()
            .map(|(id, name)| (id.to_owned(), name.to_owned()))
            .collect()
    }

    #[test]
    fn the_markup_of_slack_becomes_that_of_this_chat() {
        let names = names();
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
            ("open < and `tick *b*", "open < and `tick **b**"),
            ("a ` tick <@U1>", "a ` tick @Ada L."),
            ("`<https://a.example>`", "`https://a.example`"),
            ("*a *b *c*\n*d*", "**a *b *c**\n**d**"),
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

    #[test]
    fn mentions_of_mattermost_name_users_as_they_are_called_here() {
        let names = names();
        for (there, here) in [
            ("@ada, @eve and ada@a.example", "@Ada L., @eve and ada@a.example"),
            ("ask @ada.", "ask @Ada L.."),
            ("`@ada` :tada:", "`@ada` 🎉"),
            ("@", "@"),
        ] {
            assert_eq!(from_mattermost(there, &names), here, "{there}");
        }
    }

    /// As what is repeated would be in quadratic time, this would take hours.
    #[test]
    fn hostile_texts_take_little_time() {
        let names = names();
        for part in ["*a ", ":", ":a", "<", "`", "~x ", "@", ":+1::skin-tone-", "<@U1"] {
            let text = part.repeat(10_000_000 / part.len());
            assert!(from_slack(&text, &names).len() <= 2 * MAX_BYTES, "{part}");
            assert!(from_mattermost(&text, &names).len() <= 2 * MAX_BYTES, "{part}");
        }
    }
}
