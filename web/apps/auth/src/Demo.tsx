import { type ApiError, asApiError, type Boot, type DemoSignIn } from '@qd/api';
import { hasText, plain, serverText, useTranslation } from '@qd/i18n';
import { Problem } from '@qd/ui/security';
import { useState } from 'react';
import classes from './Frame.module.css';
import { leave, signIn } from './signing';

/** In the demo: everybody one could be, one tap each. */
export function Demo({ demo, next, here }: { demo: NonNullable<Boot['demo']>; next: string | null; here: string }) {
  const { t } = useTranslation('auth');
  const [busy, setBusy] = useState<string | null>(null);
  const [problem, setProblem] = useState<ApiError | null>(null);

  const enter = async (person: DemoSignIn) => {
    setBusy(person.email);
    setProblem(null);
    try {
      await signIn(person.portal === '/office', { email: person.email, password: demo.password });
      leave(next && person.portal === here ? next : person.portal);
    } catch (e) {
      setProblem(asApiError(e));
      setBusy(null);
    }
  };

  return (
    <section className={classes.demo} aria-labelledby="demo-title">
      <h2 id="demo-title">{t('demo.title')}</h2>
      <p>{t('demo.text')}</p>
      <Problem error={problem} />
      <div className={classes.people}>
        {demo.sign_ins.map((person) => (
          <button key={person.email} type="button" className={classes.person} title={person.email} disabled={busy !== null} onClick={() => void enter(person)}>
            {roleName(person.role)}
            <small>
              <bdi dir="ltr">{person.email.split('@')[0]}</bdi>
            </small>
          </button>
        ))}
      </div>
    </section>
  );
}

function roleName(role: string): string {
  return hasText('auth', `role.${role}`) ? serverText('auth', `role.${role}`) : plain(role);
}
