//! Authenticode signatures by osslsigncode, where a certificate is given.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::Signer;

/// Puts `from` to `to`, signed where there is a signer. Without a time stamp: this is built without a network, and a signature without one
/// ends with its certificate.
pub(super) fn put(from: &Path, to: &Path, signer: Option<&Signer>) -> Result<()> {
    let Some(Signer { certificate, key }) = signer else {
        fs::copy(from, to)
            .with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
        return Ok(());
    };
    if to.exists() {
        fs::remove_file(to).with_context(|| format!("replace {}", to.display()))?;
    }
    let output = Command::new("osslsigncode")
        .args(["sign", "-h", "sha256", "-n", "Sickbay Collector", "-certs"])
        .arg(certificate)
        .arg("-key")
        .arg(key)
        .arg("-in")
        .arg(from)
        .arg("-out")
        .arg(to)
        .stdin(Stdio::null())
        .output()
        .context("start osslsigncode; on Debian: sudo apt-get install --yes osslsigncode")?;
    ensure!(
        output.status.success(),
        "osslsigncode cannot sign {}: {}{}",
        from.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// What to say of it.
pub(super) fn told(signer: Option<&Signer>) -> String {
    signer.map_or_else(
        || {
            "Program and installer are unsigned: Windows warns whoever installs them by hand, group policy does not mind. \
             `--sign-with CERTIFICATE --key KEY` signs them."
                .to_owned()
        },
        |signer| format!("Signed with {}, without a time stamp.", signer.certificate.display()),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    fn openssl(arguments: &[&str], folder: &Path) {
        let made = Command::new("openssl")
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }

    #[test]
    fn a_certificate_signs_what_is_handed_out_and_without_one_it_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        openssl(
            &[
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                "/CN=Somebody",
                "-days",
                "2",
                "-keyout",
                "key.pem",
                "-out",
                "certificate.pem",
                "-addext",
                "extendedKeyUsage=codeSigning",
            ],
            folder,
        );
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let program = folder.join("sickbay-collector.exe");
        fs::write(&program, b"any").unwrap();
        let installer = folder.join("collector.msi");
        super::super::msi::build(root, &program, "1.0.0", &installer).unwrap();
        let signer = Signer {
            certificate: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        };
        let signed = folder.join("signed.msi");
        put(&installer, &signed, Some(&signer)).unwrap();
        let shown = Command::new("osslsigncode")
            .args(["verify", "-in"])
            .arg(&signed)
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(
            shown.contains("CN=Somebody") || shown.contains("CN = Somebody"),
            "{shown}"
        );
        let read = sickbay_packaging::Installer::read(&fs::read(&signed).unwrap());
        assert_eq!(
            read.unwrap().version,
            "1.0.0",
            "a signed one goes into a kit"
        );
        put(&installer, &signed, None).unwrap();
        assert_eq!(fs::read(&signed).unwrap(), fs::read(&installer).unwrap());
        assert!(told(None).contains("unsigned") && told(Some(&signer)).contains("certificate.pem"));
    }
}
