import { serverText } from '@qd/i18n';

/** "Finance, Auditor". */
export const statusRoles = (roles: readonly string[]): string => roles.map((role) => serverText('status', `role.${role}`)).join(', ');
