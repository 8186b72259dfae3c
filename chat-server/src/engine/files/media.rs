//! What a file is, by its first bytes. Its name says nothing that can be trusted.

/// How many bytes are looked at.
pub(super) const HEAD_BYTES: usize = 64;

/// The type of everything that is only stored.
pub(super) const UNKNOWN: &str = "application/octet-stream";

/// Returns the media type by the first bytes: that of pictures, sounds and films that browsers show without running
/// anything in them, and otherwise [`UNKNOWN`]. SVG, HTML and PDF are programs.
pub(super) fn media_type(head: &[u8]) -> &'static str {
    const PREFIXES: [(&[u8], &str); 8] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"OggS", "audio/ogg"),
        (b"fLaC", "audio/flac"),
        (b"ID3", "audio/mpeg"),
        (b"\x1aE\xdf\xa3", "video/webm"),
    ];
    let at = |from: usize, to: usize| head.get(from..to).unwrap_or_default();
    match (at(0, 4), at(4, 8), at(8, 12)) {
        (b"RIFF", _, b"WEBP") => return "image/webp",
        (b"RIFF", _, b"WAVE") => return "audio/wav",
        (_, b"ftyp", b"avif") => return "image/avif",
        (_, b"ftyp", b"M4A ") => return "audio/mp4",
        (
            _,
            b"ftyp",
            b"isom" | b"iso2" | b"iso4" | b"iso5" | b"iso6" | b"mp41" | b"mp42" | b"avc1" | b"M4V ",
        ) => {
            return "video/mp4";
        }
        _ => {}
    }
    // A frame of MPEG audio, layer 3.
    if let [0xff, 0xfa | 0xfb | 0xf2 | 0xf3, ..] = head {
        return "audio/mpeg";
    }
    let known = PREFIXES.iter().find(|(prefix, _)| head.starts_with(prefix));
    known.map_or(UNKNOWN, |(_, media_type)| media_type)
}

/// Returns whether browsers may show it, instead of storing it.
pub(crate) fn is_shown(media_type: &str) -> bool {
    media_type != UNKNOWN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_say_what_it_is() {
        for (head, expected) in [
            (&b"\x89PNG\r\n\x1a\n<html>"[..], "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
            (b"RIFF\x10\0\0\0WAVEfmt ", "audio/wav"),
            (b"\0\0\0\x20ftypavif", "image/avif"),
            (b"\0\0\0\x20ftypisom", "video/mp4"),
            (b"\xff\xfb\x90\x64", "audio/mpeg"),
        ] {
            assert_eq!(media_type(head), expected);
        }
        for head in [
            &b""[..],
            b"\x89PNG",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"<!doctype html>",
            b"%PDF-1.7",
            b"RIFF",
            b"MZ\x90\0",
            b"\0\0\0\x20ftypheic",
        ] {
            assert_eq!(media_type(head), UNKNOWN);
            assert!(!is_shown(media_type(head)));
        }
    }
}
