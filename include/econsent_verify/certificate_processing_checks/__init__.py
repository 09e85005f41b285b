"""What ``verify certificate_processing`` checks: documents by themselves, columns against documents, the archive's side, completeness, strays."""
