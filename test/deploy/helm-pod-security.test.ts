import assert from 'node:assert/strict';
import { nameOf, podTemplate, render, VALUE_FILES } from './chart.ts';

/** Volume kinds of the restricted Pod Security Standard. */
const ALLOWED_VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

describe('the pod meets the restricted security standard', () => {
  for (const values of VALUE_FILES) {
    it(`with ${nameOf(values)}`, async function () {
      const { spec } = podTemplate((await render(this, values)).manifests);

      assert.equal(spec.securityContext?.runAsNonRoot, true);
      // OpenShift chooses the user itself.
      if (!nameOf(values).startsWith('openshift'))
        assert.ok((spec.securityContext.runAsUser ?? 0) > 0, 'a numeric user other than root');
      assert.equal(spec.securityContext.seccompProfile?.type, 'RuntimeDefault');
      assert.equal(spec.automountServiceAccountToken, false);
      assert.ok(!spec.hostNetwork && !spec.hostPID && !spec.hostIPC);

      for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
        const own = container.securityContext;
        assert.equal(own?.allowPrivilegeEscalation, false);
        assert.equal(own.readOnlyRootFilesystem, true);
        assert.deepEqual(own.capabilities, { drop: ['ALL'] });
        assert.ok(!own.privileged);
        assert.ok((container.ports ?? []).every(({ hostPort }) => hostPort === undefined));
      }
      for (const volume of spec.volumes ?? []) {
        const kinds = Object.keys(volume).filter((key) => key !== 'name');
        assert.ok(
          kinds.every((kind) => ALLOWED_VOLUMES.includes(kind)),
          `volume ${kinds.join()}`,
        );
      }
    });
  }
});
