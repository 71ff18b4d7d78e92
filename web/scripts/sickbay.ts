// Makes pages better where scripts run; each part works alone, and every page works without any.
import { startCopying } from "./copy";
import { startFiltering } from "./filter";
import { startListening } from "./live";
import { startThemeSwitch } from "./theme";

startThemeSwitch();
startCopying();
startFiltering();
startListening();
