"""What ``verify certificate_processing`` checks: documents by themselves, columns against them, the archive, completeness, strays."""
