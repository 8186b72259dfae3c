//! The server has TLS, or should have it.

use chat_store::testkit::PostgresServer;
use chat_store::{PostgresStore, StoreError};
use tempfile::TempDir;

use super::certificates::Certificates;
use super::{append, database, refusal};

/// Has a server that runs use TLS. It writes its files itself, because it takes no key that others may read.
async fn give_tls(server: &PostgresServer, certificates: &Certificates) {
    for (path, name) in [(&certificates.server, "server.crt"), (&certificates.key, "server.key")] {
        let pem = std::fs::read_to_string(path).unwrap();
        let write = format!(
            "COPY (SELECT unnest(string_to_array('{pem}', E'\\n'))) TO PROGRAM 'umask 077; cat > {name}'"
        );
        server.execute("postgres", &write).await;
    }
    server.execute("postgres", "ALTER SYSTEM SET ssl = on").await;
    tokio::task::block_in_place(|| {
        server.stop();
        server.start_again();
    });
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn the_certificate_of_the_server_is_verified_by_the_authority_in_the_url() {
    let folder = TempDir::new().unwrap();
    let certificates = Certificates::make(folder.path());
    let server = PostgresServer::start();
    give_tls(&server, &certificates).await;
    let url = server.create_database().await;
    let trusting = |authority: &std::path::Path, mode: &str| {
        format!("{url}?{mode}sslrootcert={}", authority.display())
    };
    for mode in ["", "sslmode=verify-full&", "sslmode=verify-ca&", "sslmode=require&"] {
        let store = PostgresStore::connect(&trusting(&certificates.authority, mode)).await.unwrap();
        append(&store, &format!("key {mode}")).await.unwrap();
        let all_have_tls = "DO $$ BEGIN
            IF (SELECT count(*) = 0 OR NOT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                WHERE application_name = 'chat-store')
            THEN RAISE 'a connection is plain'; END IF; END $$";
        server.execute(database(&url), all_have_tls).await;
        let error = refusal(&trusting(&certificates.stranger, mode)).await;
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        let said = error.to_string();
        assert!(
            said.ends_with("check its certificate, and `sslmode` and `sslrootcert` in its URL"),
            "{said}"
        );
    }
    let missing = refusal(&trusting(&folder.path().join("missing"), "")).await;
    assert!(missing.to_string().contains("missing, is not there"), "{missing:?}");
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_server_without_tls_is_refused_if_its_authority_is_named() {
    let folder = TempDir::new().unwrap();
    let certificates = Certificates::make(folder.path());
    let url = super::SERVER.create_database().await;
    let error = refusal(&format!("{url}?sslrootcert={}", certificates.authority.display())).await;
    assert!(error.to_string().contains("give it TLS, or say `sslmode=disable`"), "{error}");
}
