use chat_core::{FileId, Offset};
use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// How much of an HMAC stands in a URL, in bytes.
const BYTES: usize = 16;

/// Signs who may upload and who may fetch a file, and until when.
pub(super) struct Signer(Hmac<Sha256>);

/// What a signature is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject {
    Upload,
    /// Reading the file of the message at this offset.
    Message(Offset),
}

impl Signer {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        // Any length will do.
        let key = Hmac::new_from_slice(&secret);
        Self(key.unwrap_or_else(|_| unreachable!("HMAC takes keys of all lengths")))
    }

    /// Signs; `until` is in seconds since 1970.
    pub(super) fn sign(&self, subject: Subject, id: FileId, until: i64) -> String {
        HEXLOWER.encode(&self.mac(subject, id, until).finalize().into_bytes()[..BYTES])
    }

    pub(super) fn verify(&self, subject: Subject, id: FileId, until: i64, signature: &str) -> bool {
        let Ok(signature) = HEXLOWER.decode(signature.as_bytes()) else { return false };
        // In constant time.
        signature.len() == BYTES
            && self.mac(subject, id, until).verify_truncated_left(&signature).is_ok()
    }

    fn mac(&self, subject: Subject, id: FileId, until: i64) -> Hmac<Sha256> {
        let of = match subject {
            Subject::Upload => 0,
            Subject::Message(offset) => offset.as_u64(),
        };
        self.0.clone().chain_update(format!("{of} {id} {until}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_for_one_thing() {
        let signer = Signer::new([7; 32]);
        let (id, other) = (FileId::from_random([1; 16]), FileId::from_random([2; 16]));
        let of = Subject::Message(Offset::new(3).unwrap());
        let signature = signer.sign(of, id, 99);
        assert!(signer.verify(of, id, 99, &signature));
        assert!(!signer.verify(of, other, 99, &signature));
        assert!(!signer.verify(of, id, 100, &signature));
        assert!(!signer.verify(Subject::Upload, id, 99, &signature));
        assert!(!signer.verify(Subject::Message(Offset::new(4).unwrap()), id, 99, &signature));
        assert!(!signer.verify(of, id, 99, &signature[..30]));
        assert!(!signer.verify(of, id, 99, ""));
        assert!(!Signer::new([8; 32]).verify(of, id, 99, &signature));
    }
}
