"""Private: studies, series and instances on a DICOMweb server (PS3.18 chapter 10)."""
