// Makes pages better where scripts run; each part works alone, and every page works without any.
import { startCharts } from "./chart";
import { startCopying } from "./copy";
import { startFiltering } from "./filter";
import { startKeysSwitch } from "./keys";
import { startListening } from "./live";
import { startMoments } from "./moment";
import { startSelecting } from "./select";
import { startReaching } from "./reach";
import { startSearching } from "./search";
import { startThemeSwitch } from "./theme";

startThemeSwitch();
startKeysSwitch();
startCopying();
startFiltering();
startSelecting();
startMoments();
startCharts();
startListening();
startReaching();
startSearching();
