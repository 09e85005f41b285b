"""The templates of a new job: one file for each that ./econsent new-job writes, at the same place below templates/."""
