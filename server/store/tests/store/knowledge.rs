//! The imported knowledge pack.

use sickbay_store::{ImportedPack, PackMark};

use crate::fixture::{Fixture, at};

fn pack(version: &str, imported_at: i64, bytes: &[u8]) -> ImportedPack {
    ImportedPack {
        mark: PackMark {
            version: version.to_owned(),
            dated: "2026-11-20".to_owned(),
            imported_at: at(imported_at),
            imported_by: "operator".to_owned(),
        },
        bytes: bytes.to_vec(),
    }
}

pub(crate) async fn one_knowledge_pack_is_kept_byte_for_byte_until_another_or_none(store: Fixture) {
    assert_eq!(store.knowledge_mark().await.unwrap(), None);
    assert_eq!(store.knowledge_pack().await.unwrap(), None);
    assert!(!store.remove_knowledge_pack("test", at(1)).await.unwrap());

    let every_byte: Vec<u8> = (0..=255).collect();
    let first = pack("2026.11", 10, &every_byte);
    store.put_knowledge_pack(first.clone()).await.unwrap();
    assert_eq!(
        store.knowledge_mark().await.unwrap().as_ref(),
        Some(&first.mark)
    );
    assert_eq!(store.knowledge_pack().await.unwrap(), Some(first));

    // Imported again it is another import, also under the same version.
    let large = vec![7; 4 * 1024 * 1024];
    let second = pack("2026.11", 20, &large);
    store.put_knowledge_pack(second.clone()).await.unwrap();
    assert_eq!(
        store.knowledge_mark().await.unwrap().as_ref(),
        Some(&second.mark)
    );
    assert_eq!(store.knowledge_pack().await.unwrap(), Some(second));

    assert!(store.remove_knowledge_pack("test", at(1)).await.unwrap());
    assert_eq!(store.knowledge_mark().await.unwrap(), None);
    assert_eq!(store.knowledge_pack().await.unwrap(), None);
}
