import * as files from 'virtual:qd-locales/trader';
import { startPortal } from '@qd/ui/app';
import { portal } from './portal';
import { features } from './router';

void startPortal({ ...portal, files, features });
