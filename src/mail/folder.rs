//! Writes mails into a folder, one file each.

use std::path::Path;

use lettre::Message;
use tokio::fs;
use tokio::io::AsyncWriteExt;

use super::failure::{MailFailure, MailStep};

/// Whether mails can be written into the folder, as far as that shows without writing.
pub(super) async fn check(folder: &Path) -> Result<String, MailFailure> {
    let written = format!("mails are written to {}", folder.display());
    match fs::metadata(folder).await {
        Ok(found) if found.is_dir() => Ok(written),
        Ok(_) => Err(failed(folder, &std::io::ErrorKind::NotADirectory.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(written),
        Err(error) => Err(failed(folder, &error)),
    }
}

/// Writes a mail. The folder is made if there is none, and the file gets its name when it is
/// complete.
pub(super) async fn write(
    folder: &Path,
    id: &str,
    message: &Message,
) -> Result<String, MailFailure> {
    fs::create_dir_all(folder).await.map_err(|error| failed(folder, &error))?;
    let draft = folder.join(format!(".{id}.draft"));
    let file = folder.join(format!("{id}.eml"));
    let written = write_draft(&draft, &message.formatted()).await;
    let named = match written {
        Ok(()) => fs::rename(&draft, &file).await,
        failed => failed,
    };
    named.map_err(|error| failed(&file, &error))?;
    Ok(format!("written to {}", file.display()))
}

async fn write_draft(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // A mail may contain a secret.
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(path).await?;
    file.write_all(bytes).await?;
    file.flush().await
}

fn failed(path: &Path, error: &std::io::Error) -> MailFailure {
    MailFailure::new(MailStep::Folder, format!("{}: {error}", path.display()))
}
