use std::sync::Arc;

use chat_adapter::LocalBroadcast;
use chat_core::Offset;
use chat_server::{Chat, Webhook};
use chat_store::{MemoryStore, Store};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::receiver::Receiver;
use super::{SECRETS, contents, newest, node, secrets};

/// An authority of the test's own, in PEM, and the TLS of a server that it vouches for under this name.
pub(crate) fn tls(name: &str) -> (String, TlsAcceptor) {
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (pem, TlsAcceptor::from(Arc::new(config)))
}

async fn chat() -> Chat {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let chat = node(&store, &Arc::new(LocalBroadcast::new())).await;
    chat.room("ci".parse().unwrap()).send("one").await.unwrap();
    chat
}

fn webhook(receiver: &Receiver, authority: &str) -> Webhook {
    let webhook = Webhook::new(receiver.url("https").parse().unwrap(), secrets(1));
    webhook.from_the_beginning().with_authorities(authority.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_receiver_with_a_certificate_of_a_trusted_authority_gets_everything() {
    let (authority, tls) = tls("127.0.0.1");
    let (chat, receiver) = (chat().await, Receiver::start_with(Some(tls), []).await);
    chat.webhook(webhook(&receiver, &authority)).unwrap();
    receiver.takes(|taken| newest(taken) == 1).await;
    chat.room("ci".parse().unwrap()).send("two").await.unwrap();
    let taken = receiver.takes(|taken| newest(taken) == 2).await;
    assert_eq!(contents(&taken), ["one", "two"]);
    taken[1].is_signed_with(&[SECRETS[0].1]);
    assert_eq!(taken[1].connection, 0, "it is kept");
    chat.shutdown().await;
}

#[tokio::test]
async fn a_receiver_with_another_name_or_of_another_authority_gets_nothing() {
    for (name, is_other) in [("other.example", false), ("127.0.0.1", true)] {
        let (own, tls_of_own) = tls(name);
        let (other, _) = tls(name);
        let authority = if is_other { other } else { own };
        let receiver = Receiver::start_with(Some(tls_of_own), []).await;
        let chat = chat().await;
        let consuming = chat.webhook(webhook(&receiver, &authority)).unwrap();
        // It tries again and again.
        receiver.refuses(3).await;
        assert_eq!(consuming.position(), Some(Offset::ZERO));
        assert_eq!(receiver.until(|_| true).await.len(), 0);
        chat.shutdown().await;
    }
}

#[tokio::test]
async fn what_is_no_certificate_of_an_authority_is_refused_at_once() {
    let receiver = Receiver::start([]).await;
    for pem in ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let webhook = Webhook::new(receiver.url("https").parse().unwrap(), secrets(1));
        assert!(webhook.with_authorities(pem.as_bytes()).is_err(), "{pem}");
    }
}
