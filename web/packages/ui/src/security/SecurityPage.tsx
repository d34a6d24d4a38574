import { Stack } from '@mantine/core';
import { EmailCard } from './EmailCard';
import { PasskeysCard } from './PasskeysCard';
import { PasswordCard } from './PasswordCard';
import { SecondFactorCard } from './SecondFactorCard';
import { SessionsCard, SignInsCard } from './SessionsCard';

/** Everything about one's own ways in; the body of each portal's security page. */
export function SecurityPanels() {
  return (
    <Stack gap="md">
      <EmailCard />
      <PasswordCard />
      <SecondFactorCard />
      <PasskeysCard />
      <SessionsCard />
      <SignInsCard />
    </Stack>
  );
}
