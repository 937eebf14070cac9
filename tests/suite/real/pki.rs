//! The certificates, keys and configuration files of one set of servers, in one folder.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};

/// The names in the certificate of a kubeadm API server.
const SANS: [&str; 7] = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
    "10.96.0.1",
    "127.0.0.1",
];

pub(super) struct Pki {
    folder: tempfile::TempDir,
}

impl Pki {
    pub(super) fn make() -> Self {
        let pki = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let issuer = pki.authority("ca", "kubernetes");
        pki.authority("front-proxy-ca", "front-proxy-ca");
        let server = ExtendedKeyUsagePurpose::ServerAuth;
        let client = ExtendedKeyUsagePurpose::ClientAuth;
        pki.sign(
            &issuer,
            "server",
            &[(DnType::CommonName, "kube-apiserver")],
            &SANS,
            server.clone(),
        );
        pki.sign(
            &issuer,
            "other",
            &[(DnType::CommonName, "other")],
            &["other.example.com"],
            server.clone(),
        );
        let admin = [
            (DnType::OrganizationName, "system:masters"),
            (DnType::CommonName, "admin"),
        ];
        pki.sign(&issuer, "admin", &admin, &[], client);
        let wardle = ["api.wardle.svc", "localhost", "127.0.0.1"];
        pki.sign(
            &issuer,
            "wardle",
            &[(DnType::CommonName, "api.wardle.svc")],
            &wardle,
            server.clone(),
        );
        let etcd = pki.authority("etcd-ca", "etcd-ca");
        pki.sign(
            &etcd,
            "etcd",
            &[(DnType::CommonName, "etcd")],
            &["localhost", "127.0.0.1"],
            server,
        );
        let service_accounts = KeyPair::generate().unwrap();
        pki.write("sa.key", &service_accounts.serialize_pem());
        pki.write("sa.pub", &service_accounts.public_key_pem());
        pki.write(
            "audit.yaml",
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n",
        );
        pki
    }

    fn authority(&self, file: &str, common_name: &str) -> Issuer<'static, KeyPair> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        self.write(
            &format!("{file}.crt"),
            &params.self_signed(&key).unwrap().pem(),
        );
        Issuer::new(params, key)
    }

    fn sign(
        &self,
        issuer: &Issuer<'static, KeyPair>,
        file: &str,
        subject: &[(DnType, &str)],
        sans: &[&str],
        usage: ExtendedKeyUsagePurpose,
    ) {
        let key = KeyPair::generate().unwrap();
        let sans: Vec<String> = sans.iter().map(|san| (*san).to_owned()).collect();
        let mut params = CertificateParams::new(sans).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in subject {
            params.distinguished_name.push(kind.clone(), *value);
        }
        params.extended_key_usages = vec![usage];
        self.write(
            &format!("{file}.crt"),
            &params.signed_by(&key, issuer).unwrap().pem(),
        );
        self.write(&format!("{file}.key"), &key.serialize_pem());
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// The path of a file in the folder.
    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Copies the files of `tests/real/conf` into the folder with these changes, in the format of this release.
    pub(super) fn configure(&self, minor: u32, changes: &[(&str, &str)]) {
        let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/conf");
        for file in fs::read_dir(conf).unwrap() {
            let file = file.unwrap();
            let mut text = fs::read_to_string(file.path()).unwrap();
            text = text.replace("CONF", &self.folder.path().display().to_string());
            let stable_since = if text.contains("AuthenticationConfiguration") {
                34
            } else {
                32
            };
            if minor < stable_since {
                text = text.replace(
                    "apiserver.config.k8s.io/v1\n",
                    "apiserver.config.k8s.io/v1beta1\n",
                );
            }
            for (from, to) in changes {
                text = text.replace(from, to);
            }
            self.write(&file.file_name().into_string().unwrap(), &text);
        }
    }

    /// Writes an administrator kubeconfig for the API server at this port, and returns its path.
    pub(super) fn kubeconfig(&self, port: u16) -> String {
        let (ca, crt, key) = (
            self.path("ca.crt"),
            self.path("admin.crt"),
            self.path("admin.key"),
        );
        self.write(
            "admin.kubeconfig",
            &format!(
                "apiVersion: v1\nkind: Config\n\
                 clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:{port}', certificate-authority: {ca}}}}}]\n\
                 users: [{{name: u, user: {{client-certificate: {crt}, client-key: {key}}}}}]\n\
                 contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\ncurrent-context: c\n"
            ),
        );
        self.path("admin.kubeconfig")
    }
}
